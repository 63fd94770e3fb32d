namespace Zocket.Conformance;

[Family("B", "SO_LINGER when the process dies")]
public sealed class LingerAtDeath
{
    private const int Seconds = 4;

    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(Seconds);

    [Claim("B01", "An exit() with SO_LINGER {1, N} and unacknowledged data does not wait.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): no linger under PF_EXITING")]
    [FreeBSD(DoesNotHold, Measured, "12.2", "transcript linger-and-death, part C: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"soclos\"")]
    [DragonFly(DoesNotHold, Measured, "5.9", "transcript linger-and-death, part C: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose_sync()")]
    [OpenBSD(DoesNotHold, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part B: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"netcls\"")]
    public Task ExitDoesNotWaitForLinger(Ip ip) => Bench.Decide(ip, bed =>
        LingeringDeath(bed, victim => victim.Exit()));

    [Claim("B02", "SIGKILL with SO_LINGER {1, N} and unacknowledged data does not wait.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): no linger under PF_EXITING")]
    [FreeBSD(DoesNotHold, Measured, "12.2", "transcript linger-and-death, part D: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"soclos\"")]
    [DragonFly(DoesNotHold, Measured, "5.9", "transcript linger-and-death, part D: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose_sync()")]
    [OpenBSD(DoesNotHold, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part B: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"netcls\"")]
    public Task SigkillDoesNotWaitForLinger(Ip ip) => Bench.Decide(ip, bed =>
        LingeringDeath(bed, victim => victim.Kill()));

    [Claim("B09", "O_NONBLOCK on the descriptor removes the delay of SO_LINGER {1, N} at death.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): there is no delay at death to begin with")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_socket.c soclose(): SS_NBIO skips the sleep")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/uipc_socket.c soclose_sync(): FNONBLOCK skips the sleep")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript nonblocking; sys/kern/uipc_socket.c soclose(): MSG_DONTWAIT skips the sleep")]
    public Task NonblockingSocketDiesWithoutLinger(Ip ip) => Bench.Decide(ip, bed =>
        LingeringDeath(bed, victim =>
        {
            victim.SetNonblocking();
            return victim.Exit();
        }));

    [Claim("B10", "SO_LINGER {1, 0} turns any death into a RST and leaves no TCP state.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): sk_lingertime 0 disconnects, TCPAbortOnData")]
    [FreeBSD(Holds, Measured, "12.2", "transcript linger-and-death, part G; sys/netinet/tcp_usrreq.c tcp_disconnect(): tcp_drop()")]
    [DragonFly(Holds, Measured, "5.9", "transcript linger-and-death, part G; sys/netinet/tcp_usrreq.c tcp_disconnect()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger; sys/netinet/tcp_usrreq.c tcp_dodisconnect()")]
    public Task ZeroLingerDeathResets(Ip ip, [Each(UnderscoreExit, Sigkill)] DeathPath death) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair ordinary = bed.Connect("control");

        // The peer gets the data, the victim never gets the acknowledgement: unacknowledged, yet a RST can still get through.
        pair.Block(Blocker.FilterOnVictim);
        ordinary.Block(Blocker.FilterOnVictim);
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(ordinary);
        victim.SetLinger(0);
        victim.Write(10);
        other.Write(10);
        other.Die(death);
        bed.Control(
            "without the option the same death leaves FIN_WAIT_1 with the data, and sends FIN",
            ordinary.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 10 } && bed.Await(() => ordinary.FromVictim is { HasFin: true, HasReset: false }));

        victim.Die(death);
        SocketSeen left = pair.VictimEnd.Look();
        IoResult read = pair.PeerEnd.Read();
        bed.Await(() => ordinary.FromVictim.IsFinAcknowledged);
        bed.Look("before wait()");
        victim.Reap();
        other.Reap();

        return Answer.Holds(() =>
        {
            left.State.Should().Be(None, "nothing of it is left in the table");
            pair.FromVictim.HasReset.Should().BeTrue();
            pair.FromVictim.HasFin.Should().BeFalse();
            read.Bytes.Should().Be(10, "what had been delivered can still be read");
            read.Error.Should().Be(Errno.ECONNRESET);
        });
    });

    // A death with SO_LINGER {1, N}, beside a close() with the same option that is certain to wait: it was blocked before the
    // death began and is still blocked when the death is over.
    private static Answer LingeringDeath(Testbed bed, Func<Victim, Death> die)
    {
        Pair pair = bed.Connect();
        Pair closed = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim closing = bed.Fork(closed);
        pair.Hush();
        closed.Hush();
        victim.SetLinger(Seconds);
        closing.SetLinger(10 * Seconds);
        victim.Write(1000);
        closing.Write(1000);
        closing.BlockInClose();

        Death death = die(victim);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Control("a close() under SO_LINGER waits all this time", !closing.HasReturned());
        bed.Look("before wait()");
        victim.Reap();
        bed.Look("after wait()");

        return Answer
            .Holds(() =>
            {
                death.Latency.Should().BeLessThan(Linger / 2, "a dying process does not linger");
                orphan.State.Should().Be(FIN_WAIT_1);
                orphan.SendQueue.Should().Be(1000);
            })
            .DoesNotHold("the death takes the linger time", () =>
            {
                death.Latency.Should().BeCloseTo(Linger, Linger / 4);
                orphan.State.Should().Be(FIN_WAIT_1);
                orphan.SendQueue.Should().Be(1000);
            });
    }
}
