namespace Zocket.Conformance;

[Family("C", "SO_LINGER in close()")]
public sealed class LingerInClose
{
    // l_linger of the call under test, and of the one beside it that is sure to be waiting still.
    private const int Seconds = 1;
    private const int ManySeconds = 10;

    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(Seconds);
    private static readonly TimeSpan LongLinger = TimeSpan.FromSeconds(ManySeconds);

    // Timers count ticks: up to one of them is missing.
    private static readonly TimeSpan NearlyTheLinger = 0.95 * Linger;

    [Claim("C01", "A close() of a blocking socket with SO_LINGER {1, N} and unacknowledged data returns after N seconds.")]
    [Note("Why does close() hang? Because SO_LINGER is set and the peer does not answer: close() waits for the acknowledgement of all data, N seconds at most.")]
    [Linux(Holds, Measured, "6.18", "net/core/stream.c sk_stream_wait_close(), from net/ipv4/tcp.c tcp_close() with the timeout of net/ipv4/af_inet.c inet_release()")]
    [FreeBSD(Holds, Measured, "12.2", "transcript wait-latency: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"soclos\"")]
    [DragonFly(Holds, Measured, "5.9", "transcripts' README: returns after 5.0 s for {1, 5}; asleep on \"soclos\" in transcript close-and-signals; sys/kern/uipc_socket.c soclose_sync()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part C: 5.0 s for {1, 5}; sys/kern/uipc_socket.c soclose() sleeps on \"netcls\"")]
    [NetBSD(Holds, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): sowait() for the linger time")]
    public Task LingeringCloseBlocks(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair acknowledged = bed.Connect("acknowledged");
        Pair longer = bed.Connect("longer");
        Victim victim = bed.Fork(pair, acknowledged);
        Victim other = bed.Fork(longer);
        pair.Hush();
        longer.Hush();
        victim.SetLinger(Seconds);
        victim.SetLinger(ManySeconds, acknowledged);
        other.SetLinger(ManySeconds);
        victim.Write(1000);
        victim.Write(1000, acknowledged);
        other.Write(1000);
        Returned atOnce = victim.AttemptClose(acknowledged);
        bed.Control("where the peer acknowledges, close() does not wait", atOnce.Took < LongLinger / 2);
        other.BlockInClose();

        Returned closed = LingeringClose(victim, pair);
        bed.Control("a close() with ten times the linger time is still waiting", !other.HasReturned());
        acknowledged.VictimEnd.Await(FIN_WAIT_2);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("after close()");

        return Answer.Holds(() =>
        {
            closed.Took.Should().BeGreaterThan(NearlyTheLinger);
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().Be(1000, "the time ran out, nothing was acknowledged");
        });
    });

    [Claim("C02", "When the linger time runs out, close() fails with EWOULDBLOCK.")]
    [Note("Can SO_LINGER tell whether the data arrived? On the BSDs the failure of close() says that it did not, on Linux nothing does: close() returns 0. Only an answer of the peer's application is proof.")]
    [Linux(DoesNotHold, Measured, "6.18", "net/core/stream.c sk_stream_wait_close() has no result, net/ipv4/af_inet.c inet_release() returns 0")]
    [FreeBSD(Holds, Measured, "12.2", "transcript wait-latency: -1 EAGAIN after 5.0 s; sys/kern/uipc_socket.c soclose() returns tsleep()'s EWOULDBLOCK")]
    [DragonFly(Holds, Measured, "5.9", "transcripts' README: -1 EAGAIN after 5.0 s; sys/kern/uipc_socket.c soclose_sync()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part C: -1 EAGAIN after 5.0 s; sys/kern/uipc_socket.c soclose()")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose() returns what sowait() does, EWOULDBLOCK")]
    public Task LingerTimeoutIsReportedAsError(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair acknowledged = bed.Connect("acknowledged");
        Victim victim = bed.Fork(pair, acknowledged);
        pair.Hush();
        victim.SetLinger(Seconds);
        victim.SetLinger(ManySeconds, acknowledged);
        victim.Write(1000);
        victim.Write(1000, acknowledged);
        CallResult success = victim.Make("close()", new Call(CallKind.Close, victim.Descriptor(acknowledged)));
        bed.Control("where all is acknowledged, close() returns 0", success.Value == 0);

        Returned closed = LingeringClose(victim, pair);
        bed.Control("the time did run out", closed.Took > NearlyTheLinger && pair.VictimEnd.Look().SendQueue == 1000);
        acknowledged.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after close()");

        return Answer
            .Holds(() => (closed.Value, closed.Error).Should().Be((-1, Errno.EAGAIN), "EWOULDBLOCK is another name of it"))
            .DoesNotHold("close() returns 0, as if all had arrived", () => (closed.Value, closed.Error).Should().Be((0, Errno.None)));
    });

    [Claim("C03", "After a close() that failed with EWOULDBLOCK or EINTR the descriptor is closed.")]
    [Note("Should close() be tried again after it failed? No: the descriptor is gone, and by the second close() its number may belong to another thread's file.")]
    [Linux(NotApplicable, "close() of a socket that lingers does not fail: C02, C06")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c kern_close(), closefp(): the descriptor is freed first, and ERESTART becomes EINTR")]
    [DragonFly(Holds, Measured, "5.9", "transcript close-and-signals: -1 EINTR, then EBADF; sys/kern/kern_descrip.c kern_close()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdrelease(): fdremove() before closef()")]
    [NetBSD(Holds, Inferred, "kern_descrip.c 1.229 (2015)", "sys/kern/kern_descrip.c fd_close(): the slot is free before closef()")]
    public Task DescriptorIsGoneAfterFailedClose(Ip ip, [Each("the time runs out", "a signal is caught")] string because) => Bench.Decide(ip, bed =>
    {
        bool isSignal = because == "a signal is caught";
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        pair.Hush();
        victim.Catch(Signals.SIGUSR1);
        victim.SetLinger(isSignal ? ManySeconds : Seconds);
        victim.Write(1000);
        int descriptor = victim.Descriptor(pair);
        bed.Control("before the close() the descriptor is open", FlagsOf(victim, descriptor).Error == Errno.None);

        victim.Begin("close()", Call.To("close", descriptor));
        if (isSignal)
        {
            victim.Interrupt(Signals.SIGUSR1);
        }

        Returned? closed = victim.AwaitReturn(Testbed.Patience);
        bed.Control("close() failed", closed?.Error == (isSignal ? Errno.EINTR : Errno.EAGAIN));
        Returned flags = FlagsOf(victim, descriptor);
        bed.Look("after close()");

        return Answer.Holds(() => flags.Error.Should().Be(Errno.EBADF, "there is nothing to close again"));
    });

    [Claim("C04", "When the linger time runs out nothing is reset: the kernel goes on sending and the data still arrives once the path is open again.")]
    [Note("Is the rest thrown away when SO_LINGER's time is over? No. The time bounds only how long close() waits; afterwards the connection is an ordinary orphan. Only a time of 0 throws data away.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): after sk_stream_wait_close() the socket is orphaned, not reset")]
    [FreeBSD(Holds, Measured, "12.2", "transcript wait-latency: FIN_WAIT_1 after close(), then the server reads 10 bytes and EOF; sys/kern/uipc_socket.c soclose(): drop")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/uipc_socket.c soclose_sync(): drop; measured after a signal had ended the close() (transcript close-and-signals)")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c soclose(): drop")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): drop, which is pr_detach(); sys/netinet/tcp_usrreq.c tcp_disconnect1()")]
    public Task LingerTimeoutDoesNotReset(Ip ip) => Bench.Decide(AwaitingRetransmissions(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair reset = bed.Connect("control");
        Victim victim = bed.Fork(pair, reset);
        Block hush = pair.Hush();
        victim.SetLinger(Seconds);
        victim.SetLinger(0, reset);
        victim.Write(1000);
        victim.Close(reset);
        bed.Control("a close() with {1, 0} does reset", bed.Await(() => reset.FromVictim.HasReset));

        Returned closed = LingeringClose(victim, pair);
        bed.Control("the time did run out", closed.Took > NearlyTheLinger && pair.VictimEnd.Look().SendQueue == 1000);
        bed.Control("the peer has nothing so far", pair.PeerEnd.ReadNow() is { Bytes: 0, EndOfStream: false });
        hush.Lift();
        IoResult read = pair.PeerEnd.Read();
        SocketSeen orphan = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the path was opened");

        return Answer.Holds(() =>
        {
            pair.FromVictim.HasReset.Should().BeFalse();
            read.Bytes.Should().Be(1000);
            read.IsIntact.Should().BeTrue("they are the bytes that were written");
            read.EndOfStream.Should().BeTrue();
            orphan.State.Should().Be(FIN_WAIT_2, "all was acknowledged, the FIN too");
        });
    });

    [Claim("C05", "On an O_NONBLOCK socket close() returns at once although SO_LINGER {1, N} is set.")]
    [Note("Can close() stall an event loop? On Linux yes: SO_LINGER makes close() wait even on a non-blocking socket. Leave the option off, or close on a thread of its own.")]
    [Linux(DoesNotHold, Measured, "6.18", "net/ipv4/af_inet.c inet_release() passes sk_lingertime on whatever O_NONBLOCK says")]
    [FreeBSD(Holds, Measured, "12.2", "transcript wait-latency: 0.000 s with O_NONBLOCK; sys/kern/uipc_socket.c soclose(): SS_NBIO skips the sleep")]
    [DragonFly(Holds, Measured, "5.9", "transcripts' README: returns at once; sys/kern/uipc_socket.c soclose_sync(): FNONBLOCK skips the sleep")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c soclose(): MSG_DONTWAIT skips the sleep")]
    [NetBSD(Holds, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): SS_NBIO skips the wait")]
    public Task NonblockingCloseDoesNotLinger(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair blocking = bed.Connect("blocking");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(blocking);
        pair.Hush();
        blocking.Hush();
        victim.SetLinger(Seconds);
        other.SetLinger(ManySeconds);
        victim.Write(1000);
        other.Write(1000);
        other.BlockInClose();
        victim.SetNonblocking();

        Returned closed = LingeringClose(victim, pair);
        bed.Control("a close() of a blocking socket with ten times the linger time is still waiting", !other.HasReturned());
        bed.Control("nothing was acknowledged meanwhile", pair.VictimEnd.Look().SendQueue == 1000);
        bed.Look("after close()");

        return Answer
            .Holds(() => closed.Took.Should().BeLessThan(Linger / 2))
            .DoesNotHold("it waits as a blocking socket does", () => closed.Took.Should().BeGreaterThan(NearlyTheLinger));
    });

    [Claim("C06", "A caught signal during a lingering close() makes it return EINTR.")]
    [Note("What does a signal do to a close() that lingers? It ends the waiting. The BSDs say so with EINTR; Linux returns 0, early and silently, and the data is still on its way.")]
    [Linux(DoesNotHold, Measured, "6.18", "net/core/stream.c sk_stream_wait_close() leaves its loop on signal_pending() and has no result")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_socket.c soclose(): tsleep() with PCATCH; sys/kern/kern_descrip.c closefp(): ERESTART becomes EINTR")]
    [DragonFly(Holds, Measured, "5.9", "transcript close-and-signals: -1 EINTR after 1.5 s of {1, 5}; sys/kern/uipc_socket.c soclose_sync(): PCATCH")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c soclose(): sosleep_nsec() with PCATCH")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket2.c sowait(): cv_timedwait_sig()")]
    public Task SignalMakesLingeringCloseFail(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair undisturbed = bed.Connect("undisturbed");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(undisturbed);
        pair.Hush();
        undisturbed.Hush();
        victim.Catch(Signals.SIGUSR1);
        victim.SetLinger(ManySeconds);
        other.SetLinger(ManySeconds);
        victim.Write(1000);
        other.Write(1000);
        other.BlockInClose();
        victim.Begin("close() blocks", Call.To("close", victim.Descriptor(pair)));
        bed.Control("close() waits", victim.IsBlocked());

        victim.Interrupt(Signals.SIGUSR1);
        Returned? closed = victim.AwaitReturn();
        bed.Control("close() returns although nothing was acknowledged", closed is not null && pair.VictimEnd.Look().SendQueue == 1000);
        bed.Control("a close() that began before it, with the same linger time, is still waiting", !other.HasReturned());
        bed.Control("the signal was caught: the victim lives", !victim.IsWaitable());
        bed.Look("after close()");

        return Answer
            .Holds(() => (closed!.Value, closed.Error).Should().Be((-1, Errno.EINTR)))
            .DoesNotHold("close() returns 0, early", () => (closed!.Value, closed.Error).Should().Be((0, Errno.None)));
    });

    [Claim("C07", "SIGKILL, or exit_group() by a sibling thread, ends a process that waits in a lingering close() at once.")]
    [Note("Can a process that hangs in close() be killed? Yes, at once, even where it could not be while it lingers at its own exit.")]
    [Linux(Holds, Measured, "6.18", "net/core/stream.c sk_stream_wait_close(): an interruptible wait")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_thread.c thread_single() wakes sleepers; the socket is past soclose()'s sleep and does not linger again")]
    [DragonFly(Holds, Measured, "5.9", "transcript close-and-signals: a zombie 5 ms after SIGKILL (the other row inferred from sys/kern/kern_exit.c killalllwps())")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger, part C: at once after SIGKILL (the other row inferred from sys/kern/kern_sig.c single_thread_set())")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket2.c sowait(): cv_timedwait_sig(); sys/kern/kern_sleepq.c sleepq_block(): EINTR once the process exits")]
    public Task SigkillEndsLingeringClose(Ip ip, [Each("SIGKILL", "exit_group() by a sibling")] string death) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair undisturbed = bed.Connect("undisturbed");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(undisturbed);
        pair.Hush();
        undisturbed.Hush();
        victim.SetLinger(ManySeconds);
        other.SetLinger(ManySeconds);
        victim.Write(1000);
        other.Write(1000);
        other.BlockInClose();
        Victim closing = death == "SIGKILL" ? victim : victim.StartThread();
        closing.BlockInClose(pair);
        bed.Control("close() waits", closing.IsBlocked());

        Death dead = death == "SIGKILL" ? victim.Kill() : victim.Exit();
        bed.Control("a close() that began before it, with the same linger time, is still waiting", !other.HasReturned());
        bed.Control("nothing was acknowledged meanwhile", pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 1000 });
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() => dead.Latency.Should().BeLessThan(0.3 * LongLinger, "it does not wait for the linger time"));
    });

    [Claim("C08", "Only the last close() of a connection lingers: that of a duplicate returns at once.")]
    [Note("Which close() hangs when the socket was duplicated or inherited by a child? Only the last one, in whichever process that happens to be.")]
    [Linux(Holds, Measured, "6.18", "fs/file_table.c fput(): only the last reference calls sock_close()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c closef(): only the last reference calls soo_close()")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c closef()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c closef()")]
    [NetBSD(Holds, Inferred, "kern_descrip.c 1.229 (2015)", "sys/kern/kern_descrip.c closef(): the socket is closed by its last holder only")]
    public Task CloseOfDuplicateDoesNotLinger(Ip ip, [Each("dup()", "fork()")] string copiedBy) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        pair.Hush();
        victim.SetLinger(ManySeconds);
        victim.Write(1000);
        int original = victim.Descriptor(pair);
        int last = copiedBy == "dup()" ? (int)victim.Make("dup()", new Call(CallKind.Duplicate, original)).Value : original;
        Victim first = copiedBy == "dup()" ? victim : victim.Fork();

        Returned closed = first.AttemptClose(pair);
        SocketSeen shared = pair.VictimEnd.Look();
        bool finBeforeTheLast = pair.FromVictim.HasFin;
        bed.Look("after the first close()");
        victim.Begin("the last close() blocks", Call.To("close", last));
        bed.Look("during the last close()");
        bed.Control("the last close() does linger", victim.IsBlocked() && pair.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 1000 });

        return Answer.Holds(() =>
        {
            closed.Took.Should().BeLessThan(0.3 * LongLinger);
            shared.State.Should().Be(ESTABLISHED, "a copy keeps the connection open");
            finBeforeTheLast.Should().BeFalse();
        });
    });

    [Claim("C09", "A lingering socket that is closed by exec (close-on-exec) or replaced by dup2() blocks that call for N seconds.")]
    [Note("Why does exec or dup2 hang? Each closes a socket on the way, and that close lingers as any other does. So on Linux exec can hang where exit does not.")]
    [Linux(Holds, Measured, "6.18", "fs/file.c do_close_on_exec(), do_dup2(), by filp_close() and fput(); net/ipv4/af_inet.c inet_release(): no PF_EXITING there")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_descrip.c fdcloseexec(), kern_dup(), by closefp()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/kern_descrip.c fdcloseexec(), kern_dup()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdcloseexec(), dodup3()")]
    [NetBSD(Holds, Inferred, "kern_descrip.c 1.229 (2015)", "sys/kern/kern_descrip.c fd_closeexec() by fd_close(), fd_dup2()")]
    public Task ExecAndDup2LingerLikeClose(Ip ip, [Each("exec", "dup2()")] string closedBy) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair acknowledged = bed.Connect("acknowledged");
        Pair longer = bed.Connect("longer");
        Victim victim = LingeringWriter(bed, pair, Seconds, isHushed: true);
        Victim free = LingeringWriter(bed, acknowledged, ManySeconds, isHushed: false);
        Victim other = LingeringWriter(bed, longer, ManySeconds, isHushed: true);
        acknowledged.VictimEnd.Await(seen => seen.SendQueue == 0);

        TimeSpan? atOnce = closedBy == "exec" ? free.ExecuteTrue().Latency : Replace(free, ip).Took;
        bed.Control("where all is acknowledged, the call does not wait", atOnce < LongLinger / 2);
        if (closedBy == "exec")
        {
            other.BlockInExec();
        }
        else
        {
            other.Begin("dup2() blocks", Replacing(other, ip));
        }

        bed.Control("a call that closes a socket with ten times the linger time waits", other.IsBlocked());
        TimeSpan? took = closedBy == "exec" ? victim.ExecuteTrue(Testbed.Patience).Latency : Replace(victim, ip).Took;
        bed.Control("and is still waiting when this one has returned", other.IsBlocked());
        acknowledged.VictimEnd.Await(FIN_WAIT_2);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("afterwards");

        return Answer.Holds(() =>
        {
            took.Should().BeGreaterThan(NearlyTheLinger);
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().Be(1000);
        });
    });

    [Claim("C10", "A close() with SO_LINGER {1, 0} sends RST in ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1 and FIN_WAIT_2, and none in TIME_WAIT.")]
    [Note("Does SO_LINGER {1, 0} avoid TIME_WAIT? Only if the close() comes before both FINs have crossed; once the connection is in TIME_WAIT nothing the process does removes it.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(), tcp_disconnect(), tcp_need_reset(); RFC 9293 section 3.10.5")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_usrreq.c tcp_disconnect(): tcp_drop(); sys/netinet/tcp_timewait.c tcp_twstart() has parted the socket from the connection")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_usrreq.c tcp_disconnect(): tcp_drop(); in TIME_WAIT soisdisconnected() came first")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_dodisconnect(): tcp_drop(); in TIME_WAIT soisdisconnected() came first")]
    [NetBSD(Unknown, "in TIME_WAIT too soclose() gets to tcp_disconnect1(), which may drop the connection with RST; nobody has tried it")]
    public Task ZeroLingerCloseResetsByState(
        Ip ip,
        [Each(ESTABLISHED, CLOSE_WAIT, FIN_WAIT_1, FIN_WAIT_2, TIME_WAIT)] TcpState state) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { LeavesTimeWait = state == TIME_WAIT }, bed =>
    {
        Pair pair = bed.Connect();
        Pair ordinary = bed.Connect("control");
        Pair after = bed.Connect("afterwards");
        Victim victim = bed.Fork(pair, ordinary, after);
        Bring(bed, victim, pair, state);
        victim.SetLinger(0);
        victim.SetLinger(0, after);
        bool finBefore = pair.FromVictim.HasFin;

        victim.AttemptClose(pair);
        victim.Close(ordinary);
        victim.Close(after);
        bed.Control(
            "without the option close() sends FIN and no RST",
            ordinary.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && ordinary.FromVictim is { HasFin: true, HasReset: false });
        bed.Control("the RST of a close() that came after it has crossed the path", bed.Await(() => after.FromVictim.HasReset));
        SocketSeen left = pair.VictimEnd.Look();
        if (state != FIN_WAIT_1)
        {
            pair.PeerEnd.Await(None);
        }

        after.PeerEnd.Await(None);
        bed.Look("after close()");

        return Answer.Holds(() =>
        {
            pair.FromVictim.HasReset.Should().Be(state != TIME_WAIT);
            pair.FromVictim.HasFin.Should().Be(finBefore, "close() sent none");
            left.State.Should().Be(state == TIME_WAIT ? TIME_WAIT : None);
        });
    });

    [Claim("C11", "A setsockopt(SO_LINGER) rejects an l_linger that is negative or above 65535.")]
    [Note("What does a negative l_linger mean? On Linux it is accepted and means practically for ever, so close() may never return; FreeBSD and OpenBSD refuse it, DragonFly takes and truncates anything.")]
    [Linux(DoesNotHold, Measured, "6.18", "net/core/sock.c sk_setsockopt(): unsigned, and capped at MAX_SCHEDULE_TIMEOUT")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_socket.c sosetopt(): EDOM")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/kern/uipc_socket.c sosetopt(): so_linger is a short, and nothing is checked")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c sosetopt(): EINVAL below 0 and above SHRT_MAX")]
    [NetBSD(Holds, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c sosetopt1(): EDOM")]
    public Task OutOfRangeLingerIsRejected(Ip ip, [Each(-1, 70000)] int seconds) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        victim.SetLinger(10);
        bed.Control("10 is accepted, and reads back as 10", LingerOf(victim) == 10);

        Returned set = AttemptLinger(victim, seconds);
        bed.Look("afterwards");

        return Answer
            .Holds(() => set.Error.Should().BeOneOf(Errno.EDOM, Errno.EINVAL))
            .DoesNotHold("it is accepted", () => (set.Value, set.Error).Should().Be((0, Errno.None)));
    });

    [Claim("C12", "An l_linger of 40000 seconds reads back as 40000.")]
    [Note("How long may the linger time be? On Linux as long as an int can say; where the kernel keeps it in a short, more than 32767 seconds is refused or becomes another number.")]
    [Linux(Holds, Measured, "6.18", "net/core/sock.c sk_setsockopt(), sk_getsockopt(): sk_lingertime is a long, in ticks")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/sys/socketvar.h struct socket: so_linger is a short; sys/kern/uipc_socket.c sosetopt() checks against USHRT_MAX")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/sys/socketvar.h struct socket: so_linger is a short")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c sosetopt(): EINVAL above SHRT_MAX")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c sosetopt1(), sogetopt1(); in older sources of sys/sys/socketvar.h so_linger is an unsigned short")]
    public Task LargeLingerReadsBack(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        victim.SetLinger(10);
        bed.Control("10 is accepted, and reads back as 10", LingerOf(victim) == 10);

        Returned set = AttemptLinger(victim, 40000);
        int linger = LingerOf(victim);
        bed.Look("afterwards");

        return Answer
            .Holds(() => (set.Error, linger).Should().Be((Errno.None, 40000)))
            .DoesNotHold("it is refused, or becomes another number", () => (set.Error == Errno.None && linger == 40000).Should().BeFalse());
    });

    private static TestbedPlan AwaitingRetransmissions(Ip ip) => new(ip, Topology.Loopback) { AwaitsRetransmissions = true };

    // A close() that waits for its time, or does not: it has returned.
    private static Returned LingeringClose(Victim victim, Pair pair)
    {
        victim.Begin("close()", Call.To("close", victim.Descriptor(pair)));
        return victim.AwaitReturn(Testbed.Patience)
            ?? throw new SetUpFailedException("close() did not return, though its linger time is long over.");
    }

    private static Victim LingeringWriter(Testbed bed, Pair pair, int seconds, bool isHushed)
    {
        Victim victim = bed.Fork(pair);
        if (isHushed)
        {
            pair.Hush();
        }

        victim.SetCloseOnExec(true);
        victim.SetLinger(seconds);
        victim.Write(1000);
        return victim;
    }

    // dup2() of a socket that is not connected onto the victim's end of its pair.
    private static Call Replacing(Victim victim, Ip ip) =>
        new(CallKind.DuplicateOnto, victim.Socket(ip), 0, victim.Descriptor());

    private static Returned Replace(Victim victim, Ip ip) => victim.Attempt("dup2()", Replacing(victim, ip));

    private static void Bring(Testbed bed, Victim victim, Pair pair, TcpState state)
    {
        switch (state)
        {
            case CLOSE_WAIT:
                pair.PeerEnd.ShutdownWrite();
                break;
            case FIN_WAIT_1:
                pair.Hush();
                victim.ShutdownWrite();
                bed.Await(() => pair.FromVictim.HasFin);
                break;
            case FIN_WAIT_2:
                victim.ShutdownWrite();
                break;
            case TIME_WAIT:
                victim.ShutdownWrite();
                pair.VictimEnd.Await(FIN_WAIT_2);
                pair.PeerEnd.ShutdownWrite();
                break;
        }

        bed.Control($"the connection is in {state}", pair.VictimEnd.Await(state).State == state);
    }

    private static Returned FlagsOf(Victim victim, int descriptor) =>
        victim.Attempt("fcntl(F_GETFD)", Call.To("fcntl", descriptor, "F_GETFD"));

    private static Returned AttemptLinger(Victim victim, int seconds) => victim.Attempt(
        $"setsockopt(SO_LINGER, {{1, {seconds}}})",
        new Call(CallKind.SetLinger, victim.Descriptor(), 1, seconds));

    private static int LingerOf(Victim victim)
    {
        Memory linger = Memory.Room(8);
        CallResult result = victim.Make("getsockopt", victim.Descriptor(), "SOL_SOCKET", "SO_LINGER", linger, Memory.Of(8));
        return BitConverter.ToInt32(result.After(linger)[4..]);
    }
}
