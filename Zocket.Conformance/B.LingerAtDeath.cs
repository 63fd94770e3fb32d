namespace Zocket.Conformance;

[Family("B", "SO_LINGER when the process dies")]
public sealed class LingerAtDeath
{
    private const int Seconds = 4;

    private const string NothingToDelay = "a death never lingers on Linux (B01, B02), so there is no delay";

    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(Seconds);

    [Claim("B01", "An exit() with SO_LINGER {1, N} and unacknowledged data does not wait.")]
    [Note("Does a process with SO_LINGER hang when it exits and its peer is silent? Not on Linux: a dying process never lingers, the kernel goes on sending by itself. On the BSDs the exit takes the whole linger time, so keep that short there.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): no linger under PF_EXITING")]
    [FreeBSD(DoesNotHold, Measured, "12.2", "transcript linger-and-death, part C: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"soclos\"")]
    [DragonFly(DoesNotHold, Measured, "5.9", "transcript linger-and-death, part C: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose_sync()")]
    [OpenBSD(DoesNotHold, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part B: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"netcls\"")]
    [NetBSD(DoesNotHold, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): sowait() for the linger time; sys/kern/kern_exit.c exit1() marks only other threads so that sleepq_block() would not wait")]
    public Task ExitDoesNotWaitForLinger(Ip ip) => Bench.Decide(ip, bed =>
        LingeringDeath(bed, victim => victim.Exit()));

    [Claim("B02", "SIGKILL with SO_LINGER {1, N} and unacknowledged data does not wait.")]
    [Note("Can SO_LINGER hold up kill -9? Not on Linux. On the BSDs it does: the killed process stays for the linger time before its parent can wait for it, which is longer than many a supervisor is patient.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): no linger under PF_EXITING")]
    [FreeBSD(DoesNotHold, Measured, "12.2", "transcript linger-and-death, part D: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"soclos\"")]
    [DragonFly(DoesNotHold, Measured, "5.9", "transcript linger-and-death, part D: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose_sync()")]
    [OpenBSD(DoesNotHold, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part B: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"netcls\"")]
    [NetBSD(DoesNotHold, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): sowait() for the linger time; sys/kern/kern_exit.c exit1() has discarded the signal before fd_free()")]
    public Task SigkillDoesNotWaitForLinger(Ip ip) => Bench.Decide(ip, bed =>
        LingeringDeath(bed, victim => victim.Kill()));

    [Claim("B03", "While SO_LINGER delays a death, ps does not list the process as a zombie.")]
    [Note("Is what hangs there a zombie? No: while a BSD kernel lingers, the process is still exiting, and nobody can wait for it yet. Only OpenBSD 8.0 prints a Z for it all the same, so look at the wait channel (soclos or netcls) beside it.")]
    [Linux(NotApplicable, NothingToDelay)]
    [FreeBSD(Holds, Measured, "12.2", "transcript linger-and-death, parts C and D: ps prints SE, wait channel soclos; sys/kern/kern_exit.c exit1(): P_WEXIT long before PRS_ZOMBIE")]
    [DragonFly(Holds, Measured, "5.9", "transcript linger-and-death, parts C and D: SACTIVE, P_WEXIT, wait channel soclos; sys/kern/kern_exit.c exit1()")]
    [OpenBSD(Holds, Measured, "7.3", "transcript writers-and-linger, part B: ps prints RE+, wait channel netcls; sys/kern/kern_exit.c exit1(): PS_EXITING before zombprocess", Until = "8.0")]
    [OpenBSD(DoesNotHold, Measured, "8.0-beta", "transcript writers-and-linger, part B: ps prints ZE+, wait channel netcls, though waitid() reports nothing", Since = "8.0")]
    [NetBSD(Unknown, "sys/kern/kern_exit.c exit1() makes the process SDYING before fd_free(); how ps(1) shows that has not been read")]
    public Task LingeringDeathIsNotAZombie(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        pair.Hush();
        victim.SetLinger(Seconds);
        victim.Write(10);
        victim.Exit(deadline: TimeSpan.Zero);
        pair.VictimEnd.Await(FIN_WAIT_1);

        ProcessSeen listed = victim.Look();
        bed.Control("its death is delayed: nobody can wait for it", !victim.IsWaitable());
        bed.Look("while the death lingers");
        bed.Control("it does die", victim.AwaitDeath());
        bed.Control("and is listed as Z then", victim.Look().State == 'Z');
        bed.Look("the linger time has run out, before wait()");
        victim.Reap();

        return Answer
            .Holds(() => listed.State.Should().NotBe('Z').And.NotBeNull())
            .DoesNotHold("it is listed as Z, though it cannot be waited for", () => listed.State.Should().Be('Z'));
    });

    [Claim("B04", "A second SIGKILL ends the delay of a lingering death.")]
    [Note("Does a second kill -9 help against a death that lingers? On FreeBSD yes. On OpenBSD and DragonFly no: there the process is unkillable until its linger time has passed, or its peer answers.")]
    [Linux(NotApplicable, NothingToDelay)]
    [FreeBSD(Holds, Measured, "12.2", "transcript linger-and-death, parts E and F: dead at the second SIGKILL, after 1.5 of 5 s; sys/kern/uipc_socket.c soclose(): tsleep() with PCATCH")]
    [DragonFly(DoesNotHold, Measured, "5.9", "transcript linger-and-death, parts E and F: 5.0 s all the same; sys/kern/kern_sig.c kern_kill(): nothing under P_WEXIT")]
    [OpenBSD(DoesNotHold, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part B: 5.0 s all the same; sys/kern/kern_synch.c sleep_setup(): who exits catches no signals")]
    [NetBSD(DoesNotHold, Inferred, "kern_exit.c 1.245 (2015)", "sys/kern/kern_exit.c exit1(): before fd_free() the process ignores all signals, and is not found for them any more (SDYING)")]
    public Task LingeringDeathCanBeKilled(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair once = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(once);
        LingerBlocked(victim, pair);
        LingerBlocked(other, once);
        victim.Kill(deadline: TimeSpan.Zero);
        other.Kill(deadline: TimeSpan.Zero);
        pair.VictimEnd.Await(FIN_WAIT_1);
        once.VictimEnd.Await(FIN_WAIT_1);
        bed.Control("both deaths are delayed", !victim.IsWaitable() && !other.IsWaitable());

        Death death = victim.Kill();
        bool otherIsDead = other.IsWaitable();
        bed.Look("the one that was killed twice is dead");
        victim.Reap();
        bed.Control("the one that was killed once dies by itself", other.AwaitDeath());

        return Answer
            .Holds(() =>
            {
                death.Latency.Should().BeLessThan(Linger / 2, "the second signal ends the sleep");
                otherIsDead.Should().BeFalse("it was killed once only");
            })
            .DoesNotHold("the death takes the linger time all the same", () => death.Latency.Should().BeGreaterThan(Linger / 2));
    });

    [Claim("B05", "With three blocked lingering sockets a death takes three times the linger time.")]
    [Note("How long can SO_LINGER hold up a death in the worst case? On the BSDs the linger times of all blocked sockets add up, because they are closed one after another: a server with a hundred stuck clients and five seconds of linger takes minutes to die. On Linux it takes nothing at all.")]
    [Linux(DoesNotHold, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): no linger under PF_EXITING, so there is nothing to add up")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c fdescfree_fds() closes one after another; sys/kern/uipc_socket.c soclose()")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c fdfree() closes one after another; sys/kern/uipc_socket.c soclose_sync()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdfree() closes one after another; sys/kern/uipc_socket.c soclose()")]
    [NetBSD(Holds, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(); sys/kern/kern_descrip.c fd_free() closes one after another")]
    public Task LingersAddUpAtDeath(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair[] pairs = [bed.Connect(), bed.Connect("second"), bed.Connect("third")];
        Victim victim = bed.Fork(pairs);
        Victim closing = LingerInClose(bed);
        foreach (Pair pair in pairs)
        {
            LingerBlocked(victim, pair);
        }

        Death death = victim.Exit();
        SocketSeen[] orphans = [.. pairs.Select(pair => pair.VictimEnd.Look())];
        bed.Control("a close() under SO_LINGER waits all this time", !closing.HasReturned());
        bed.Look("before wait()");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                death.Latency.Should().BeCloseTo(3 * Linger, Linger / 2);
                orphans.Should().OnlyContain(orphan => orphan.State == FIN_WAIT_1 && orphan.SendQueue == 1000);
            })
            .DoesNotHold("the death takes no linger time at all", () =>
            {
                death.Latency.Should().BeLessThan(Linger / 2, "a dying process does not linger");
                orphans.Should().OnlyContain(orphan => orphan.State == FIN_WAIT_1 && orphan.SendQueue == 1000);
            });
    });

    [Claim("B06", "The delay of a lingering death ends as soon as the peer acknowledges, or resets.")]
    [Note("Will a lingering death end sooner if the network comes back? Yes: as soon as the peer has acknowledged everything, or resets the connection, the process is dead.")]
    [Linux(NotApplicable, NothingToDelay)]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(): soisdisconnected() in FIN_WAIT_1; sys/netinet/tcp_subr.c tcp_close(); both wake so_timeo")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_input.c tcp_input(): soisdisconnected() in FIN_WAIT_1; sys/netinet/tcp_subr.c tcp_close()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(): soisdisconnected() in FIN_WAIT_1; the acknowledgement measured on 7.3 and 8.0-beta (transcript nonblocking: {1, 20} ended 1 s after pf was disabled)")]
    [NetBSD(Holds, Inferred, "tcp_input.c 1.438.2.1 (2024)", "sys/netinet/tcp_input.c tcp_input(): soisdisconnected() in FIN_WAIT_1, tcp_close() at RST; both end the wait of soclose()")]
    public Task LingeringDeathEndsWithConnection(Ip ip, [Each("acknowledges", "resets")] string peer) => Bench.Decide(
        new TestbedPlan(ip, Topology.Loopback) { AwaitsRetransmissions = true },
        bed =>
        {
            const int Long = 10 * Seconds;
            Pair pair = bed.Connect();
            Pair silent = bed.Connect("control");
            Victim victim = bed.Fork(pair);
            Victim other = bed.Fork(silent);
            Block hush = LingerBlocked(victim, pair, Long);
            LingerBlocked(other, silent, Long);
            other.Exit(deadline: TimeSpan.Zero);
            victim.Exit(deadline: TimeSpan.Zero);
            silent.VictimEnd.Await(FIN_WAIT_1);
            pair.VictimEnd.Await(FIN_WAIT_1);
            bed.Control("both deaths are delayed", !victim.IsWaitable() && !other.IsWaitable());

            if (peer == "acknowledges")
            {
                hush.Lift();
            }
            else
            {
                pair.PeerEnd.Reset();
            }

            bool hasDied = victim.AwaitDeath();
            bool otherIsDead = other.IsWaitable();
            SocketSeen after = pair.VictimEnd.Look();
            bed.Look("the peer of one has answered, that of the other has not");

            return Answer.Holds(() =>
            {
                hasDied.Should().BeTrue("its linger time is longer than anybody waits here");
                otherIsDead.Should().BeFalse("its peer is still silent");
                after.State.Should().Be(peer == "acknowledges" ? FIN_WAIT_2 : None);
            });
        });

    [Claim("B07", "When the linger time of a dead process has run out, its connection goes on as an ordinary FIN_WAIT_1 orphan: it is not reset.")]
    [Note("Is data lost when the linger time runs out at a death? No: the connection goes on without its process as an orphan, like any other, and the kernel goes on trying to deliver. Only a linger time of zero throws data away.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): only a linger time of zero disconnects")]
    [FreeBSD(Holds, Measured, "12.2", "transcript linger-and-death, parts C and D: FIN_WAIT_1, Send-Q 10; sys/kern/uipc_socket.c soclose(): pru_close() and pru_detach(), no tcp_drop()")]
    [DragonFly(Holds, Measured, "5.9", "transcript linger-and-death, parts C and D: FIN_WAIT_1, Send-Q 10; sys/kern/uipc_socket.c soclose_sync()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part B: FIN_WAIT_1, Send-Q kept; sys/kern/uipc_socket.c soclose()")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): behind the wait only pr_detach(); sys/netinet/tcp_usrreq.c tcp_disconnect1() drops without linger time only")]
    public Task LingeringDeathLeavesOrdinaryOrphan(Ip ip) => Bench.Decide(ip, bed =>
    {
        const int Short = 1;
        Pair pair = bed.Connect();
        Pair dropped = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim dropping = bed.Fork(dropped);
        LingerBlocked(dropping, dropped, 0);
        dropping.Exit();
        LingerBlocked(victim, pair, Short);
        victim.Exit();

        // On Linux the linger time does not begin with the death: it is over when that of another process, begun later, is.
        Victim closing = LingerInClose(bed, seconds: Short);
        Returned? closed = closing.AwaitReturn(Testbed.Patience);
        bed.Control("a close() with the same linger time, begun after the death, has waited in vain", closed?.Took > TimeSpan.FromSeconds(Short) / 2);
        bed.Control("a linger time of zero does reset", bed.Await(() => dropped.FromVictim.HasReset) && dropped.VictimEnd.Look().IsGone);
        SocketSeen orphan = pair.VictimEnd.Look();
        StreamSeen sent = pair.FromVictim;
        bed.Look("the linger time has run out, before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().Be(1000, "what was not acknowledged is kept");
            orphan.Owners.Should().BeEmpty();
            sent.HasFin.Should().BeTrue();
            sent.HasReset.Should().BeFalse();
        });
    });

    [Claim("B08", "SO_LINGER delays a death until the FIN is acknowledged, even if all data was acknowledged before.")]
    [Note("All data is acknowledged, only the FIN is not: does SO_LINGER still hold up the death? On the BSDs yes, for it waits for the end of the connection and not for the data. On Linux a death never waits.")]
    [Linux(DoesNotHold, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): no linger under PF_EXITING; net/core/stream.c sk_stream_wait_close() is for close(2)")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_socket.c soclose(): sleeps while SS_ISCONNECTED, which ends at FIN_WAIT_2")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/uipc_socket.c soclose_sync(): sleeps while SS_ISCONNECTED")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c soclose(): sleeps while SS_ISCONNECTED")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): waits while SS_ISCONNECTED, which ends at FIN_WAIT_2")]
    public Task BareFinDelaysLingeringDeath(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair open = bed.Connect("answering");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(open);
        victim.Write(1000);
        other.Write(1000);
        bed.Control(
            "all data is acknowledged",
            pair.VictimEnd.Await(seen => seen.SendQueue == 0).SendQueue == 0 && open.VictimEnd.Await(seen => seen.SendQueue == 0).SendQueue == 0);
        pair.Hush();
        victim.SetLinger(Seconds);
        Victim closing = LingerInClose(bed, bytes: 0);

        Death death = victim.Exit();
        bed.Control("the bare FIN has crossed the path", bed.Await(() => pair.FromVictim.HasFin));
        other.Exit();

        // A FIN is acknowledged up to 40 ms late (net/ipv4/tcp_input.c tcp_fin(): pingpong mode), and none of the three later than the
        // last one sent: once that is acknowledged, the first two never will be.
        bed.Control("where the peer answers, a FIN that was sent after it is acknowledged", open.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Control("a close() under SO_LINGER waits for its bare FIN all this time", closing.IsBlocked());
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("before wait()");
        victim.Reap();
        other.Reap();

        return Answer
            .Holds(() =>
            {
                death.Latency.Should().BeCloseTo(Linger, Linger / 4);
                orphan.State.Should().Be(FIN_WAIT_1, "the FIN is not acknowledged");
            })
            .DoesNotHold("the death does not wait", () =>
            {
                death.Latency.Should().BeLessThan(Linger / 2, "a dying process does not linger");
                orphan.State.Should().Be(FIN_WAIT_1, "the FIN is not acknowledged");
            });
    });

    [Claim("B09", "O_NONBLOCK on the descriptor removes the delay of SO_LINGER {1, N} at death.")]
    [Note("Why have so few people met deaths that linger? Because servers' sockets are mostly non-blocking, as with .NET, Go, libuv or nginx, and a non-blocking socket does not linger when its process dies, on any of these systems.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): there is no delay at death to begin with")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_socket.c soclose(): SS_NBIO skips the sleep")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/uipc_socket.c soclose_sync(): FNONBLOCK skips the sleep")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript nonblocking; sys/kern/uipc_socket.c soclose(): MSG_DONTWAIT skips the sleep")]
    [NetBSD(Holds, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): SS_NBIO skips the wait")]
    public Task NonblockingSocketDiesWithoutLinger(Ip ip) => Bench.Decide(ip, bed =>
        LingeringDeath(bed, victim =>
        {
            victim.SetNonblocking();
            return victim.Exit();
        }));

    [Claim("B10", "SO_LINGER {1, 0} turns any death into a RST and leaves no TCP state.")]
    [Note("Should I set SO_LINGER {1, 0} to get rid of FIN_WAIT and TIME_WAIT? It does, but every death of the process then resets its connections and throws away what was not delivered. Clients see connection reset by peer instead of the end of a reply.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): sk_lingertime 0 disconnects, TCPAbortOnData")]
    [FreeBSD(Holds, Measured, "12.2", "transcript linger-and-death, part G; sys/netinet/tcp_usrreq.c tcp_disconnect(): tcp_drop()")]
    [DragonFly(Holds, Measured, "5.9", "transcript linger-and-death, part G; sys/netinet/tcp_usrreq.c tcp_disconnect()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger; sys/netinet/tcp_usrreq.c tcp_dodisconnect()")]
    [NetBSD(Holds, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_disconnect1(): tcp_drop()")]
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

    [Claim("B11", "A lingering socket that another process still holds does not delay the first death.")]
    [Note("A worker shares a lingering connection with its parent: does it hang when it dies? No: only the last holder closes the connection, so only the last can be held up.")]
    [Linux(Holds, Measured, "6.18", "fs/file_table.c fput(): inet_release() is the last holder's only")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c closef(), fdrop(): soo_close() is the last holder's only")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c closef(), fdrop(): soo_close() is the last holder's only")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript further-deaths, part D: 0.0, 0.0 and 5.0 s; sys/kern/kern_descrip.c closef(), fdrop()")]
    [NetBSD(Holds, Inferred, "kern_descrip.c 1.229 (2015)", "sys/kern/kern_descrip.c closef(): the socket is closed by its last holder only")]
    public Task SharedLingeringSocketDoesNotDelayDeath(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        IReadOnlyList<Victim> holders = bed.Fork(2, pair);
        Victim closing = LingerInClose(bed);
        LingerBlocked(holders[0], pair);

        Death first = holders[0].Exit();
        SocketSeen shared = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Control("a close() under SO_LINGER waits all this time", !closing.HasReturned());
        bed.Look("after the first death");
        holders[1].Exit();
        bed.Control("the last death leaves an orphan", pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 1000 });
        bed.Look("after the last death");

        return Answer.Holds(() =>
        {
            first.Latency.Should().BeLessThan(Linger / 2, "nothing is closed yet");
            shared.State.Should().Be(ESTABLISHED);
            shared.Owners.Should().Equal(holders[1].Name);
            finWasSent.Should().BeFalse();
        });
    });

    // A death with SO_LINGER {1, N}, beside a close() with the same option that is certain to wait: it was blocked before the
    // death began and is still blocked when the death is over.
    private static Answer LingeringDeath(Testbed bed, Func<Victim, Death> die)
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        Victim closing = LingerInClose(bed);
        LingerBlocked(victim, pair);

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

    // Hushes the peer, sets SO_LINGER {1, N}, and writes what will not be acknowledged.
    private static Block LingerBlocked(Victim victim, Pair pair, int seconds = Seconds)
    {
        Block hush = pair.Hush();
        victim.SetLinger(seconds, pair);
        victim.Write(1000, pair);
        return hush;
    }

    // A process that lives, and lingers in a close() on a connection of its own. By default it lingers longer than any death here.
    private static Victim LingerInClose(Testbed bed, int seconds = 10 * Seconds, int bytes = 1000)
    {
        Pair pair = bed.Connect("closed");
        Victim closing = bed.Fork(pair);
        pair.Hush();
        closing.SetLinger(seconds);
        if (bytes > 0)
        {
            closing.Write(bytes);
        }

        closing.BlockInClose();
        return closing;
    }
}
