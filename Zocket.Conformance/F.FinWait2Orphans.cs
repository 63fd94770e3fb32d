namespace Zocket.Conformance;

[Family("F", "FIN_WAIT_2 orphans")]
public sealed class FinWait2Orphans
{
    private const string FinTimeout = "net.ipv4.tcp_fin_timeout";
    private const string OnlyOpenBsd = "a matter of OpenBSD's two keepalive settings";
    private const string OnlyLinux = "TCP_LINGER2 exists on Linux only";
    private const string OnlyLinuxCounts = "/proc/net/sockstat exists on Linux only";

    [Claim("F01", "An orphan in FIN_WAIT_2 disappears by itself though the peer never closes.")]
    [Note("Do dead processes' connections pile up in FIN_WAIT_2 because clients never close? No: net.ipv4.tcp_fin_timeout, 60 seconds at default, bounds them. The BSDs wait more than ten minutes.")]
    [Lab("default timers: 60 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_input.c tcp_rcv_state_process(), net/ipv4/tcp.c __tcp_close(): tcp_time_wait() with tcp_fin_time()")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(): TCPS_FIN_WAIT_1, TT_2MSL with TP_MAXIDLE or finwait2_timeout")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_input.c tcp_input(): TCPS_FIN_WAIT_1, t_maxidle")]
    [OpenBSD(Holds, Measured, "7.3", "transcript fin-wait-2-life: gone after 675 s; sys/netinet/tcp_input.c tcp_input(); in 8.0-beta it outlasted a watch of 900 s, see F02")]
    [NetBSD(Holds, Source, "tcp_input.c 1.438.2.1 (2024)", "sys/netinet/tcp_input.c tcp_input(): in FIN_WAIT_1 TCPT_2MSL with t_maxidle; sys/netinet/tcp_timer.c tcp_timer_2msl()")]
    public Task FinWait2OrphanExpires(Ip ip) => Bench.Decide(ShortLived(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair held = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim holder = bed.Fork(held);
        holder.ShutdownWrite();
        bed.Control("a living process's connection is in FIN_WAIT_2", held.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Control("the connection is ESTABLISHED while its process lives", pair.VictimEnd.Look().State == ESTABLISHED);

        victim.Kill();
        SocketSeen left = pair.VictimEnd.Await(None);
        bed.Control(
            "the peer has acknowledged the FIN, has not closed and was not reset",
            pair.FromVictim is { IsFinAcknowledged: true, HasReset: false } && pair.FromPeer is { HasFin: false, HasReset: false });
        bed.Control("the living process's connection is still there", held.VictimEnd.Look().State == FIN_WAIT_2);
        bed.Look("when the orphan is gone");
        victim.Reap();

        return Answer.Holds(() => left.State.Should().Be(None));
    });

    [Claim("F02", "How long a FIN_WAIT_2 orphan stays is set by keepidle, not by keepintvl.")]
    [Note("Since 7.7 an OpenBSD server keeps the connections of dead processes in FIN_WAIT_2 for eight times net.inet.tcp.keepidle: sixteen hours at default, where it was ten minutes. If they pile up, lower keepidle.")]
    [Linux(NotApplicable, OnlyOpenBsd)]
    [FreeBSD(NotApplicable, OnlyOpenBsd)]
    [DragonFly(NotApplicable, OnlyOpenBsd)]
    [OpenBSD(DoesNotHold, Measured, "7.3", "transcript fin-wait-2-life: gone after 675 s; sys/netinet/tcp_input.c tcp_input(): tcp_maxidle", Until = "7.7")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(), sys/netinet/tcp_usrreq.c tcp_usrclosed(): TCPTV_KEEPCNT * tcp_keepidle; transcript fin-wait-2-life: in 8.0-beta still there after 900 s", Since = "7.7")]
    [NetBSD(NotApplicable, OnlyOpenBsd)]
    public Task OpenBsdFinWait2UsesKeepidle(Ip ip) => Bench.Decide(ip, bed =>
    {
        TimeSpan longerThanEightIntervals = TimeSpan.FromSeconds(60);
        Pair pair = bed.Connect();
        Pair slow = bed.Connect("slow");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(slow);
        bed.Set("net.inet.tcp.keepintvl", "1");
        bed.Set("net.inet.tcp.keepidle", "20");
        other.Kill();
        bed.Control("the slow orphan is in FIN_WAIT_2", slow.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        bed.Set("net.inet.tcp.keepidle", "2");
        victim.Kill();
        bed.Control("an orphan expires", pair.VictimEnd.Await(None, longerThanEightIntervals).IsGone);
        SocketSeen left = slow.VictimEnd.Look();
        bed.Look("when the orphan with the short keepidle is gone");
        victim.Reap();
        other.Reap();

        return Answer
            .Holds(() => left.State.Should().Be(FIN_WAIT_2, "it has eight times 20 s"))
            .DoesNotHold("both have eight times keepintvl", () => left.State.Should().Be(None));
    });

    [Claim("F03", "A connection in FIN_WAIT_2 that a living process holds does not expire.")]
    [Note("The setting tcp_fin_timeout is not for connections that somebody still holds: a program that has called shutdown(SHUT_WR) and waits for the other side to finish may wait for ever. Such a FIN_WAIT_2 has an owner in ss -p; look there.")]
    [Lab("default timers: beside orphans of 60 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_input.c tcp_rcv_state_process(): no timer without SOCK_DEAD")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(): TT_2MSL only if the socket cannot receive any more")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_input.c tcp_input(): only if SS_CANTRCVMORE")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(): only if SS_CANTRCVMORE")]
    [NetBSD(Holds, Source, "tcp_input.c 1.438.2.1 (2024)", "sys/netinet/tcp_input.c tcp_input(): TCPT_2MSL only if SS_CANTRCVMORE")]
    public Task OwnedFinWait2NeverExpires(Ip ip) => Bench.Decide(ShortLived(ip), bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        victim.ShutdownWrite();
        bed.Control("the peer has acknowledged the FIN", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        for (int nth = 1; nth <= 3; nth++)
        {
            Pair orphan = bed.Connect($"orphan {nth}");
            bed.Fork(orphan).Kill();
            bed.Control($"orphan {nth} of 3 has come and gone", orphan.VictimEnd.Await(None).IsGone && orphan.FromVictim.IsFinAcknowledged);
        }

        SocketSeen held = pair.VictimEnd.Look();
        pair.PeerEnd.Write(5);
        Returned read = victim.Read(5);
        bed.Look("after three orphans' lives");

        return Answer.Holds(() =>
        {
            held.State.Should().Be(FIN_WAIT_2);
            held.Timer.Should().BeOneOf([TimerKind.Off, TimerKind.NotShown], "nothing counts its time");
            read.Value.Should().Be(5, "and it still receives");
        });
    });

    [Claim("F04", "If the owner dies while the connection is in FIN_WAIT_2, its time is counted from the death on.")]
    [Note("A half-closed connection that was idle for a day does not vanish together with its process: it gets the full tcp_fin_timeout from then on, in which the peer can still finish in good order.")]
    [Lab("default timers: 60 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): TCP_FIN_WAIT2, tcp_time_wait() with tcp_fin_time()")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_usrreq.c tcp_usrclosed(): TCPS_FIN_WAIT_2, TT_2MSL")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    [NetBSD(Holds, Source, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_usrclosed(): TCPS_FIN_WAIT_2, TCPT_2MSL with t_maxidle")]
    public Task DeathStartsFinWait2Timer(Ip ip) => Bench.Decide(ShortLived(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair lasting = bed.Connect("lasting");
        Pair orphan = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(lasting);
        Victim mortal = bed.Fork(orphan);
        victim.ShutdownWrite();
        other.ShutdownWrite();
        pair.VictimEnd.Await(FIN_WAIT_2);
        lasting.VictimEnd.Await(FIN_WAIT_2);
        mortal.Kill();
        bed.Control("an orphan has come and gone meanwhile", orphan.VictimEnd.Await(None).IsGone && orphan.FromVictim.IsFinAcknowledged);
        SocketSeen before = pair.VictimEnd.Look();
        SocketSeen lastingBefore = lasting.VictimEnd.Look();

        victim.Kill();
        SocketSeen after = pair.VictimEnd.Await(None);
        bed.Set(FinTimeout, "60");
        other.Kill();
        SocketSeen lastingAfter = lasting.VictimEnd.Look();
        bed.Look("after both owners' deaths");
        victim.Reap();
        other.Reap();

        return Answer.Holds(() =>
        {
            before.State.Should().Be(FIN_WAIT_2, "its owner lived");
            after.State.Should().Be(None, "its time is over");
            lastingBefore.Timer.Should().BeOneOf([TimerKind.Off, TimerKind.NotShown], "no time is counted before the death");
            lastingAfter.State.Should().Be(FIN_WAIT_2, "it has the whole time that was set just before the death");
            lastingAfter.Timer.Should().NotBe(TimerKind.Off, "now its time is counted");
        });
    });

    [Claim("F05", "TCP_LINGER2 decides for one socket how long its orphan stays in FIN_WAIT_2, instead of tcp_fin_timeout; negative is not at all, but a reset.")]
    [Note("Which sysctl for one service only? None: the program sets TCP_LINGER2 on its sockets, in seconds, longer or shorter than tcp_fin_timeout. SO_LINGER has nothing to do with it.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c do_tcp_setsockopt(), __tcp_close(): TCPAbortOnLinger; include/net/tcp.h tcp_fin_time(); net/ipv4/tcp_input.c tcp_rcv_state_process()")]
    [FreeBSD(NotApplicable, OnlyLinux)]
    [DragonFly(NotApplicable, OnlyLinux)]
    [OpenBSD(NotApplicable, OnlyLinux)]
    [NetBSD(NotApplicable, OnlyLinux)]
    public Task Linger2SetsFinWait2Life(Ip ip, [Each(1, 60, -1)] int seconds) => Bench.Decide(ShortLived(ip), bed =>
    {
        bool isLonger = seconds > 1;
        Pair pair = bed.Connect();
        Pair plain = bed.Connect("control");
        Victim victim = bed.Fork(pair, plain);
        victim.SetOption(SocketOption.TCP_LINGER2, seconds);
        if (!isLonger)
        {
            bed.Set(FinTimeout, "60");
        }

        bed.Control("the connection is ESTABLISHED while its process lives", pair.VictimEnd.Look().State == ESTABLISHED);
        victim.Kill();
        SocketSeen orphan = isLonger ? pair.VictimEnd.Await(FIN_WAIT_2) : pair.VictimEnd.Await(None);
        SocketSeen other = isLonger ? plain.VictimEnd.Await(None) : plain.VictimEnd.Await(FIN_WAIT_2);
        bool wasReset = seconds < 0 && bed.Await(() => pair.FromVictim.HasReset);
        bed.Control("both peers have acknowledged the FIN", bed.Await(() => pair.FromVictim.IsFinAcknowledged && plain.FromVictim.IsFinAcknowledged));
        bed.Control("without the option the orphan lives by tcp_fin_timeout", isLonger ? other.IsGone : other.State == FIN_WAIT_2);
        SocketSeen left = pair.VictimEnd.Look();
        bed.Look("when one of the orphans is gone");
        victim.Reap();

        return Answer.Holds(() =>
        {
            left.State.Should().Be(isLonger ? FIN_WAIT_2 : None);
            orphan.State.Should().Be(left.State);
            pair.FromVictim.HasReset.Should().Be(seconds < 0);
            wasReset.Should().Be(seconds < 0);
        });
    });

    [Claim("F06", "Data that reaches a FIN_WAIT_2 orphan is answered by RST and ends it, and the writer learns of it with its next write.")]
    [Note("Why did the first write to a dead server succeed, and only the second fail with 'broken pipe'? The first was only handed to the kernel; the answer to it was a reset, because nobody is left to read.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_timewait_state_process(): TCP_TW_RST; net/ipv4/tcp_input.c tcp_reset(): EPIPE in CLOSE_WAIT; RFC 1122 section 4.2.2.13")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(): data after the process has gone, dropwithreset")]
    [DragonFly(Holds, Source, "5.9", "sys/netinet/tcp_input.c tcp_input(): SS_NOFDREF, dropwithreset")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(): SS_NOFDREF, dropwithreset")]
    [NetBSD(Holds, Source, "tcp_input.c 1.438.2.1 (2024)", "sys/netinet/tcp_input.c tcp_input(): SS_NOFDREF, dropwithreset")]
    public Task LateDataForFinWait2OrphanResets(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair held = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim holder = bed.Fork(held);
        holder.ShutdownWrite();
        victim.Kill();
        bed.Control(
            "both connections are in FIN_WAIT_2",
            pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && held.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        IoResult first = pair.PeerEnd.AttemptWrite(5);
        pair.PeerEnd.Await(None);
        SocketSeen left = pair.VictimEnd.Look();
        IoResult second = pair.PeerEnd.AttemptWrite(5);
        held.PeerEnd.Write(5);
        bed.Control(
            "a living process takes the same data",
            held.VictimEnd.Await(seen => seen.ReceiveQueue == 5) is { State: FIN_WAIT_2, ReceiveQueue: 5 } && !held.FromVictim.HasReset);
        bed.Look("after the peers have written");
        victim.Reap();

        return Answer.Holds(() =>
        {
            first.Error.Should().Be(Errno.None, "the kernel takes what it can still send");
            pair.FromVictim.HasReset.Should().BeTrue();
            left.State.Should().Be(None);
            second.Error.Should().BeOneOf(Errno.EPIPE, Errno.ECONNRESET);
        });
    });

    [Claim("F07", "The peer's FIN turns a FIN_WAIT_2 orphan into TIME_WAIT without any process; after the orphan has expired it is answered by RST.")]
    [Note("A client that closes later than tcp_fin_timeout after the server's death meets a reset instead of an ordinary end. It has read everything by then and need not care; the reset counters of the server do.")]
    [Lab("default timers: 60 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_timewait_state_process(): FIN in TCP_FIN_WAIT2; net/ipv4/tcp_ipv4.c tcp_v4_rcv(): no socket; RFC 9293 section 3.10.7")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(): TCPS_FIN_WAIT_2, tcp_twstart(); dropwithreset")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_input.c tcp_input(): TCPS_FIN_WAIT_2; dropwithreset")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(): TCPS_FIN_WAIT_2; dropwithreset")]
    [NetBSD(Holds, Inferred, "tcp_input.c 1.438.2.1 (2024)", "sys/netinet/tcp_input.c tcp_input(): TCPS_FIN_WAIT_2; dropwithreset")]
    public Task LateFinBecomesTimeWaitWithoutProcess(Ip ip) => Bench.Decide(ShortLived(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair expired = bed.Connect("expired");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(expired);
        other.Kill();
        bed.Control("one orphan has expired", expired.VictimEnd.Await(None).IsGone && expired.FromVictim.IsFinAcknowledged);
        bed.Set(FinTimeout, "60");
        victim.Kill();
        bed.Control("the other is in FIN_WAIT_2", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        pair.PeerEnd.Close();
        expired.PeerEnd.Close();
        SocketSeen closed = pair.VictimEnd.Await(TIME_WAIT);
        bed.Control("both FINs cross the path", bed.Await(() => pair.FromPeer.HasFin && expired.FromPeer.HasFin));
        bool wasReset = bed.Await(() => expired.FromVictim.HasReset);
        SocketSeen nothing = expired.VictimEnd.Look();
        bed.Await(() => pair.PeerEnd.Look().IsGone && expired.PeerEnd.Look().IsGone);
        bed.Look("after the peers have closed");
        victim.Reap();
        other.Reap();

        return Answer.Holds(() =>
        {
            closed.State.Should().Be(TIME_WAIT);
            closed.Owners.Should().BeEmpty();
            pair.FromVictim.HasReset.Should().BeFalse();
            nothing.State.Should().Be(None);
            wasReset.Should().BeTrue();
        });
    });

    [Claim("F08", "An orphan in FIN_WAIT_2 is counted among the TIME_WAIT sockets: tw in /proc/net/sockstat.")]
    [Note("Why does tcp_max_orphans not bound FIN_WAIT_2, and why does sockstat show so many tw? Once the FIN is acknowledged Linux keeps only a small time-wait socket, which is no orphan in its books: tcp_max_tw_buckets is its limit.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_time_wait() with TCP_FIN_WAIT2; net/ipv4/proc.c sockstat_seq_show()")]
    [FreeBSD(NotApplicable, OnlyLinuxCounts)]
    [DragonFly(NotApplicable, OnlyLinuxCounts)]
    [OpenBSD(NotApplicable, OnlyLinuxCounts)]
    [NetBSD(NotApplicable, OnlyLinuxCounts)]
    public Task FinWait2OrphanIsCountedAsTimeWait(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair blocked = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(blocked);
        blocked.Hush();
        other.Write(10);
        long Counted() => bed.Counter("sockstat.TCP.tw");
        long none = Counted();
        other.Kill();
        bed.Control("the blocked orphan is in FIN_WAIT_1", blocked.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 10 });
        long withFinWait1 = Counted();

        victim.Kill();
        SocketSeen orphan = pair.VictimEnd.Await(seen => seen is { State: FIN_WAIT_2, Timer: TimerKind.TimeWait });
        bed.Await(() => Counted() > none);
        long withFinWait2 = Counted();
        bed.Look("after both deaths");
        pair.PeerEnd.Write(1);
        bed.Control("it is counted no more when a reset has ended it", pair.VictimEnd.Await(None).IsGone && bed.Await(() => Counted() == none));
        victim.Reap();
        other.Reap();

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(FIN_WAIT_2);
            withFinWait2.Should().Be(none + 1);
            withFinWait1.Should().Be(none, "an orphan in FIN_WAIT_1 is counted elsewhere");
        });
    });

    [Claim("F09", "A FIN_WAIT_2 orphan expires without a word: the peer's end stays in CLOSE_WAIT until the peer itself writes or closes.")]
    [Note("CLOSE_WAIT on the client for hours although the server has forgotten the connection long ago? The kernel never ends a CLOSE_WAIT, whatever the other side does: the client's process must close, and a pool that does not watch for the end of the stream keeps dead connections and notices at the next request.")]
    [Lab("default timers: 60 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_timewait_sock.c tw_timer_handler() sends nothing; CLOSE_WAIT has no timer of its own")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_timer.c tcp_timer_2msl(): tcp_close(), which sends nothing")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_timer.c tcp_timer_2msl(): tcp_close()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_2msl(): tcp_close()")]
    [NetBSD(Holds, Inferred, "tcp_timer.c 1.89 (2015)", "sys/netinet/tcp_timer.c tcp_timer_2msl(): tcp_close(), which sends nothing")]
    public Task ExpiredFinWait2OrphanTellsPeerNothing(Ip ip) => Bench.Decide(ShortLived(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair later = bed.Connect("later");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(later);
        bed.Control("the connection is ESTABLISHED while its process lives", pair.VictimEnd.Look().State == ESTABLISHED);
        victim.Kill();
        bed.Control("the orphan expires", pair.VictimEnd.Await(None).IsGone && pair.FromVictim.IsFinAcknowledged);
        other.Kill();
        bed.Control("a second one has come and gone since", later.VictimEnd.Await(None).IsGone && later.FromVictim.IsFinAcknowledged);

        bool wasTold = pair.FromVictim.HasReset;
        SocketSeen peer = pair.PeerEnd.Look();
        bed.Look("after the orphan has expired");
        pair.PeerEnd.Write(1);
        bed.Control("the peer's own write is answered by a reset", bed.Await(() => pair.FromVictim.HasReset));
        pair.PeerEnd.Await(None);
        bed.Look("after the peer has written");
        victim.Reap();
        other.Reap();

        return Answer.Holds(() =>
        {
            wasTold.Should().BeFalse();
            peer.State.Should().Be(CLOSE_WAIT);
            peer.Timer.Should().BeOneOf([TimerKind.Off, TimerKind.NotShown], "nothing counts its time");
        });
    });

    [Claim("F10", "A FIN_WAIT_2 orphan answers the peer's keepalive probes as a living process's connection would, until it expires; then the probe is answered by RST.")]
    [Note("Keepalive does not find out at once that the server's process is dead: for tcp_fin_timeout its kernel answers as if all were well. Only the first probe after that is answered by a reset and ends the client's connection.")]
    [Lab("default timers: keepalive asks after two hours")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_timewait_state_process(): out of window, TCP_TW_ACK; net/ipv4/tcp_timer.c tcp_keepalive_timer()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(): below the window, dropafterack; dropwithreset without a connection")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_input.c tcp_input(): dropafterack; dropwithreset")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(): dropafterack; dropwithreset")]
    [NetBSD(Unknown, "sys/netinet/tcp_timer.c tcp_timer_2msl() starts anew while t_rcvtime is recent, so probes may keep the orphan; nobody has tried it")]
    public Task KeepaliveIsAnsweredForFinWait2Orphan(Ip ip) => Bench.Decide(ShortLived(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair expired = bed.Connect("expired");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(expired);
        other.Kill();
        bed.Control("one orphan has expired", expired.VictimEnd.Await(None).IsGone && expired.FromVictim.IsFinAcknowledged);
        bed.Set(FinTimeout, "60");
        victim.Kill();
        bed.Control("the other is in FIN_WAIT_2", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        KeepAlive(pair.PeerEnd);
        KeepAlive(expired.PeerEnd);
        bed.Control("the peers ask", bed.Await(() => pair.VictimsWindow.Probes > 0 && expired.VictimsWindow.Probes > 0));
        bool isAnswered = bed.Await(() => pair.VictimsWindow.Answered > 0);
        bool isReset = bed.Await(() => expired.FromVictim.HasReset);
        SocketSeen peer = pair.PeerEnd.Look();
        SocketSeen peerOfExpired = expired.PeerEnd.Await(None);
        bed.Look("after the probes");
        victim.Reap();
        other.Reap();

        return Answer.Holds(() =>
        {
            isAnswered.Should().BeTrue();
            pair.FromVictim.HasReset.Should().BeFalse();
            peer.State.Should().Be(CLOSE_WAIT, "for the peer all is as it was");
            isReset.Should().BeTrue();
            peerOfExpired.State.Should().Be(None);
        });
    });

    [Claim("F11", "What the peer has received and not read outlives the FIN_WAIT_2 orphan: it reads every byte and the end of the stream after that has expired.")]
    [Note("A client need not hurry: what its own kernel has acknowledged is its own, whatever becomes of the server and of the connection there. A reply is lost only where it had not arrived when the orphan was given up.")]
    [Lab("default timers: 60 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_recvmsg() asks the peer's end only; RFC 9293 section 3.6")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_socket.c soreceive_stream(): what is in so_rcv is read first")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_socket.c sorecvtcp()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket.c soreceive()")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soreceive(): what is in so_rcv is read first")]
    public Task ReceivedDataOutlivesOrphan(Ip ip) => Bench.Decide(ShortLived(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair hushed = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(hushed);
        other.SetOption(SocketOption.TCP_USER_TIMEOUT, 50);
        Block hush = hushed.Hush();
        victim.Write(10);
        bed.Control("the connection is ESTABLISHED while its process lives", pair.VictimEnd.Look().State == ESTABLISHED);
        victim.Kill();
        bed.Control("the orphan whose data has arrived expires", pair.VictimEnd.Await(None).IsGone && pair.FromVictim.IsFinAcknowledged);
        other.Write(4096);
        other.Kill();
        bed.Control("so does one whose data has not arrived", hushed.VictimEnd.Await(None).IsGone);
        hush.Lift();

        IoResult read = pair.PeerEnd.Read();
        bed.Control("what had not arrived is lost", hushed.PeerEnd.ReadNow() is { Bytes: 0, EndOfStream: false });
        bed.Look("after the peers have read");
        victim.Reap();
        other.Reap();

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(10);
            read.IsIntact.Should().BeTrue();
            read.EndOfStream.Should().BeTrue();
        });
    });

    [Claim("F12", "A shutdown(SHUT_WR) or SHUT_RDWR has sent the only FIN there is, and the death after it sends nothing; SHUT_RD sends nothing, and the death sends the FIN.")]
    [Note("Does it matter whether a server shuts a connection down before it ends? To the client it does not: it gets one FIN either way, at the shutdown or at the death, and no reset. Shutting down reading alone is not told to the client at all.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c tcp_shutdown(), tcp_close_state(): a FIN leaves only on the way out of ESTABLISHED or CLOSE_WAIT; packetdrill, gtests/net/tcp/shutdown")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_usrreq.c tcp_usr_shutdown(), tcp_usrclosed(): FIN_WAIT_2 is left as it is")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_usrreq.c tcp_usrclosed()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_usrreq.c tcp_shutdown(), tcp_usrclosed()")]
    [NetBSD(Holds, Inferred, "tcp_usrreq.c 1.209 (2015)", "sys/netinet/tcp_usrreq.c tcp_usrclosed(): FIN_WAIT_2 is left as it is; sys/kern/uipc_socket.c soshutdown(): SHUT_RD tells the protocol nothing")]
    public Task DeathAfterShutdownSendsNothing(Ip ip, [Each("SHUT_RD", "SHUT_WR", "SHUT_RDWR")] string how) => Bench.Decide(ip, bed =>
    {
        bool sendsFin = how != "SHUT_RD";
        Pair pair = bed.Connect();
        Pair untouched = bed.Connect("control");
        Victim victim = bed.Fork(pair, untouched);
        victim.Write(10);
        bed.Control("the data was acknowledged", bed.Await(() => pair.FromVictim.AcknowledgedBytes == 10));

        victim.Shutdown(how, pair);
        TcpState shut = pair.VictimEnd.Await(sendsFin ? FIN_WAIT_2 : ESTABLISHED).State;
        StreamSeen before = pair.FromVictim;
        bed.Control(
            "where there was no shutdown(), there is no FIN while the process lives",
            untouched.VictimEnd.Look().State == ESTABLISHED && !untouched.FromVictim.HasFin);

        victim.Kill();
        bed.Control(
            "where there was no shutdown(), the death sends FIN",
            untouched.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && untouched.FromVictim.IsFinAcknowledged);
        SocketSeen left = pair.VictimEnd.Await(FIN_WAIT_2);
        StreamSeen after = pair.FromVictim;
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            shut.Should().Be(sendsFin ? FIN_WAIT_2 : ESTABLISHED);
            before.HasFin.Should().Be(sendsFin);
            left.State.Should().Be(FIN_WAIT_2);
            left.Owners.Should().BeEmpty();
            after.HasReset.Should().BeFalse();
            after.Next.Should().Be(sendsFin ? before.Next : before.Next + 1, "a stream has one FIN");
        });
    });

    // tcp_fin_timeout is in whole seconds, and Linux never takes less than three and a half retransmission timeouts: with 0
    // that is what it takes, some 0.35 s here. Much shorter would be a matter of luck: on a busy machine the FIN is sent again
    // before it is acknowledged, and the answer to the second one meets a connection that has already expired.
    private static TestbedPlan ShortLived(Ip ip) => new(ip, Topology.Loopback)
    {
        AwaitsRetransmissions = true,
        Settings = new Dictionary<string, string>
        {
            [FinTimeout] = "0",
            ["net.ipv4.tcp_rto_min_us"] = "100000",
        },
    };

    // The peer's kernel asks after a second of silence whether the other end is still there.
    private static void KeepAlive(PeerEnd peer)
    {
        peer.SetOption(SocketOption.TCP_KEEPIDLE, 1);
        peer.SetOption(SocketOption.SO_KEEPALIVE, 1);
    }
}
