namespace Zocket.Conformance;

[Family("H", "Unread and late data")]
public sealed class UnreadData
{
    [Claim("H01", "A process that dies with unread received data resets the connection instead of sending FIN.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): TCPAbortOnClose; RFC 1122 section 4.2.2.13; RFC 2525 section 2.17")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_usrreq.c tcp_disconnect(): sbflush() of the receive buffer, then FIN")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_usrreq.c tcp_disconnect(): flushes, then FIN")]
    [OpenBSD(DoesNotHold, Measured, "7.3, 8.0-beta", "transcript further-deaths, part F: FIN_WAIT_2 and CLOSE_WAIT; sys/netinet/tcp_usrreq.c tcp_dodisconnect()")]
    public Task UnreadDataTurnsDeathIntoReset(Ip ip, [Each(UnderscoreExit, Sigkill)] DeathPath death) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair empty = bed.Connect("control");
        Victim victim = bed.Fork(pair, empty);
        pair.PeerEnd.Write(6);
        bed.Control("six bytes wait to be read", pair.VictimEnd.Await(seen => seen.ReceiveQueue == 6).ReceiveQueue == 6);

        victim.Die(death);
        bed.Control(
            "a connection of the same process with nothing unread gets FIN",
            empty.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && empty.FromVictim is { HasFin: true, HasReset: false });
        pair.PeerEnd.Await(seen => seen.State != ESTABLISHED);
        StreamSeen sent = pair.FromVictim;
        SocketSeen left = pair.VictimEnd.Look();
        IoResult read = pair.PeerEnd.Read();
        bed.Look("before wait()");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                sent.HasReset.Should().BeTrue();
                sent.HasFin.Should().BeFalse();
                left.State.Should().Be(None);
                read.Error.Should().Be(Errno.ECONNRESET);
            })
            .DoesNotHold("it sends FIN, and the unread data is forgotten", () =>
            {
                sent.HasFin.Should().BeTrue();
                sent.HasReset.Should().BeFalse();
                left.State.Should().Be(FIN_WAIT_2);
                read.EndOfStream.Should().BeTrue();
            });
    });
}
