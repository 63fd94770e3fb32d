namespace Zocket.Conformance;

[Family("O", "What an orphan keeps, and what outlives the process")]
public sealed class WhatAnOrphanKeeps
{
    private const string NoFinTimeout = "there is no tcp_fin_timeout";
    private const string NoOrphanRetries = "retransmissions are bounded alike with and without an owner";
    private const string NoUserTimeout = "there is no tcp_orphan_retries";
    private const string NoRepair = "there is no TCP_REPAIR";
    private const string NoMigration = "there is no net.ipv4.tcp_migrate_req";
    private const string NoDeferAccept = "there is no TCP_DEFER_ACCEPT";
    private const string NoBuckets = "there is no tcp_max_tw_buckets, and a FIN_WAIT_2 orphan is an ordinary connection";

    [Claim("O01", "The keepalive that a dead process had set does not probe its FIN_WAIT_2 orphan.")]
    [Note("Does SO_KEEPALIVE find out that the peer of a dead process is gone? No: an orphan in FIN_WAIT_2 is not probed. What ends it is tcp_fin_timeout on Linux, and a timer of its own on the BSDs.")]
    [Lab("default timers: tcp_keepalive_time is two hours")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): tcp_time_wait() replaces the socket, and a time-wait socket has no keepalive; net/ipv4/tcp_timer.c tcp_keepalive_timer()")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_keep(): probes up to TCPS_CLOSING only, and FIN_WAIT_2 is behind it")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_timer.c tcp_timer_keep_handler(): probes up to TCPS_CLOSING only")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_keep(): probes up to TCPS_CLOSING only, and FIN_WAIT_2 is behind it")]
    public Task KeepaliveDoesNotProbeOrphan(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair owned = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim keeper = bed.Fork(owned);
        ProbeEverySecond(victim);
        ProbeEverySecond(keeper);
        victim.Kill();
        bed.Control("the death leaves FIN_WAIT_2", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        int dead = bed.Captured.Count;

        // From now on both are idle, the orphan for longer.
        owned.PeerEnd.Write(1);
        bed.Control("the connection with an owner is probed", bed.Await(() => Probes(bed, owned, dead) > 0));
        SocketSeen orphan = pair.VictimEnd.Look();
        int probes = Probes(bed, pair, dead);
        bed.Look("after the first probe");

        return Answer.Holds(() =>
        {
            probes.Should().Be(0);
            orphan.State.Should().Be(FIN_WAIT_2, "it is still there");
            orphan.Timer.Should().NotBe(TimerKind.Keepalive);
        });
    });

    [Claim("O02", "The sysctl tcp_retries2 does not bound an orphan: one outlives a younger connection that has an owner.")]
    [Note("Which sysctl makes orphans in FIN_WAIT_1 go away sooner? Not tcp_retries2, which only counts where a process still holds the socket; tcp_orphan_retries does.")]
    [Lab("default timers: 938 s and 106 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_write_timeout(): tcp_orphan_retries() replaces sysctl_tcp_retries2 for SOCK_DEAD")]
    [FreeBSD(NotApplicable, NoOrphanRetries)]
    [DragonFly(NotApplicable, NoOrphanRetries)]
    [OpenBSD(NotApplicable, NoOrphanRetries)]
    public Task Retries2DoesNotBoundOrphan(Ip ip) => Bench.Decide(Retransmitting(ip, ("tcp_retries2", "1"), ("tcp_orphan_retries", "8")), bed =>
    {
        Pair pair = bed.Connect();
        Pair owned = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim keeper = bed.Fork(owned);
        pair.Hush();
        owned.Hush();
        victim.Kill();
        keeper.Write(10);

        bed.Control("the connection with an owner is given up", owned.VictimEnd.Await(None).IsGone);
        bed.Control("its owner lives", !keeper.IsWaitable());
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("after the connection with an owner was given up");

        return Answer.Holds(() => orphan.State.Should().Be(FIN_WAIT_1));
    });

    [Claim("O03", "The sysctl tcp_fin_timeout does not bound FIN_WAIT_1: only a FIN_WAIT_2 orphan of the same death expires by it.")]
    [Note("Why do connections stay in FIN_WAIT_1 although tcp_fin_timeout is short? Because it counts only once the peer has acknowledged the FIN; before that, tcp_orphan_retries does.")]
    [Lab("default timers: 60 s and 106 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(), net/ipv4/tcp_input.c tcp_rcv_state_process(): tcp_fin_time() in FIN_WAIT_2 only")]
    [FreeBSD(NotApplicable, NoFinTimeout)]
    [DragonFly(NotApplicable, NoFinTimeout)]
    [OpenBSD(NotApplicable, NoFinTimeout)]
    public Task FinTimeoutDoesNotBoundFinWait1(Ip ip) => Bench.Decide(WithFinTimeout(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair answered = bed.Connect("control");
        Victim victim = bed.Fork(pair, answered);
        pair.Hush();
        victim.Kill();
        bed.Control("where the peer answers, the death leaves FIN_WAIT_2", answered.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        bed.Control("which expires", answered.VictimEnd.Await(None).IsGone);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("after the FIN_WAIT_2 orphan has expired");

        return Answer.Holds(() => orphan.State.Should().Be(FIN_WAIT_1));
    });

    [Claim("O04", "The sysctl tcp_fin_timeout does not shorten TIME_WAIT: one outlives a younger FIN_WAIT_2 orphan.")]
    [Note("Does lowering tcp_fin_timeout get rid of TIME_WAIT? No, that lasts 60 s whatever the sysctl says. It shortens FIN_WAIT_2 of connections without an owner only.")]
    [Lab("default timers: 60 s each")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_time_wait(): TCP_TIMEWAIT_LEN for TIME_WAIT")]
    [FreeBSD(NotApplicable, NoFinTimeout)]
    [DragonFly(NotApplicable, NoFinTimeout)]
    [OpenBSD(NotApplicable, NoFinTimeout)]
    public Task FinTimeoutDoesNotShortenTimeWait(Ip ip) => Bench.Decide(WithFinTimeout(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair halfClosed = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(halfClosed);
        victim.Kill();
        bed.Control("the peer acknowledges the FIN", bed.Await(() => pair.FromVictim.IsFinAcknowledged));
        pair.PeerEnd.Close();
        pair.VictimEnd.Await(TIME_WAIT);
        pair.PeerEnd.Await(None);
        other.Kill();
        bed.Control("the other connection is in FIN_WAIT_2", halfClosed.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        bed.Control("which expires", halfClosed.VictimEnd.Await(None).IsGone);
        SocketSeen left = pair.VictimEnd.Look();
        bed.Look("after the FIN_WAIT_2 orphan has expired");

        return Answer.Holds(() => left.State.Should().Be(TIME_WAIT));
    });

    [Claim("O05", "An orphan with a TCP_USER_TIMEOUT longer than tcp_orphan_retries allows outlives a younger one without.")]
    [Note("Which wins for an orphan, TCP_USER_TIMEOUT or tcp_orphan_retries? The socket's own option, in both directions: a generous one set by a dead process keeps its orphans for just as long.")]
    [Lab("default timers: 106 s, and the option's time")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c retransmits_timed_out(): a user timeout takes the place of what the retries are worth")]
    [FreeBSD(NotApplicable, NoUserTimeout)]
    [DragonFly(NotApplicable, NoUserTimeout)]
    [OpenBSD(NotApplicable, NoUserTimeout)]
    public Task LongUserTimeoutOutlivesOrphanRetries(Ip ip) => Bench.Decide(Retransmitting(ip, ("tcp_orphan_retries", "1")), bed =>
    {
        Pair pair = bed.Connect();
        Pair without = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(without);
        pair.Hush();
        without.Hush();
        victim.SetOption(SocketOption.TCP_USER_TIMEOUT, 60_000);
        victim.Kill();
        other.Kill();

        bed.Control("the younger orphan without the option is given up", without.VictimEnd.Await(None).IsGone);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("after the orphan without the option was given up");

        return Answer.Holds(() => orphan.State.Should().Be(FIN_WAIT_1));
    });

    [Claim("O06", "A connection in repair mode (TCP_REPAIR) sends nothing when its process dies, neither FIN nor RST, and is gone at once.")]
    [Note("What does a peer notice of a process that is moved to another machine with its connections? Nothing: in repair mode the death of the original is silent. If it dies by accident in that mode, the peer finds out only when it sends.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(), tcp_disconnect(): tp->repair sends no reset")]
    [FreeBSD(NotApplicable, NoRepair)]
    [DragonFly(NotApplicable, NoRepair)]
    [OpenBSD(NotApplicable, NoRepair)]
    public Task DeathInRepairModeSendsNothing(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair ordinary = bed.Connect("control");
        Victim victim = bed.Fork(pair, ordinary);
        victim.SetOption(SocketOption.TCP_REPAIR, 1);
        victim.Kill();
        bed.Control(
            "a connection of the same process that is not in repair mode gets FIN",
            ordinary.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && ordinary.FromVictim.HasFin);
        SocketSeen left = pair.VictimEnd.Look();
        SocketSeen peer = pair.PeerEnd.Look();
        bed.Look("before wait()");
        victim.Reap();

        // Whatever the death had sent has crossed the path before the answer to this.
        bool silent = pair.FromVictim is { HasFin: false, HasReset: false };
        pair.PeerEnd.Write(5);
        bed.Control("the peer's next data is answered by RST", bed.Await(() => pair.FromVictim.HasReset));
        pair.PeerEnd.Await(None);
        bed.Look("after the peer has sent");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(None);
            peer.State.Should().Be(ESTABLISHED, "it was told nothing");
            silent.Should().BeTrue();
            pair.FromVictim.HasFin.Should().BeFalse();
        });
    });

    [Claim("O07", "When one listener of an SO_REUSEPORT group dies, the connections that wait in its queue are reset, although another listens on the same port.")]
    [Note("Why do clients see resets when one of several workers is restarted, although they all listen on the same port with SO_REUSEPORT? Each worker has a queue of its own, and what it had not accepted dies with it.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_connection_sock.c inet_csk_listen_stop(), inet_child_forget(); tcp_migrate_req is 0 by default")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_socket.c soclose(): soabort() for all in sol_comp")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/kern/uipc_socket.c soinherit(): another listener of the port takes the queue over")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket.c soclose(): soabort() for all in so_q")]
    public Task DyingListenerResetsItsShareOfThePort(Ip ip) => Bench.Decide(ip, bed =>
    {
        (Victim victim, Victim other, int otherListener, Endpoint at) = TwoListeners(bed, ip, out Victim client, out int queued);
        End clientEnd = bed.Watch("client's end", client.LocalName(queued), at);
        bed.Control("the client is connected", clientEnd.Look().State == ESTABLISHED);

        victim.Kill();
        clientEnd.Await(seen => seen.State != ESTABLISHED, TimeSpan.FromSeconds(2));
        SocketSeen left = clientEnd.Look();
        bool wasReset = bed.Stream(at, clientEnd.Tuple.Local).HasReset;
        int second = client.Socket(ip);
        client.Connect(second, at);
        bed.Control("the other listener accepts", other.Accept(otherListener) >= 0);
        bed.Look("after the death of one listener");

        return Answer
            .Holds(() =>
            {
                left.State.Should().Be(None);
                wasReset.Should().BeTrue();
            })
            .DoesNotHold("the other listener takes the queue over", () =>
            {
                left.State.Should().Be(ESTABLISHED);
                wasReset.Should().BeFalse();
            });
    });

    [Claim("O08", "With net.ipv4.tcp_migrate_req set, the queue of a dying listener passes to another of its SO_REUSEPORT group, and nothing is reset.")]
    [Note("Can a worker be restarted without losing the connections that wait in its queue? With net.ipv4.tcp_migrate_req=1 and another worker listening on the same port with SO_REUSEPORT, yes: that one accepts them.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_connection_sock.c inet_csk_listen_stop(): reuseport_migrate_sock(), inet_reqsk_clone()", Since = "5.14")]
    [Linux(NotApplicable, NoMigration, Until = "5.14")]
    [FreeBSD(NotApplicable, NoMigration)]
    [DragonFly(NotApplicable, NoMigration)]
    [OpenBSD(NotApplicable, NoMigration)]
    public Task MigrationHandsTheQueueToALivingListener(Ip ip) => Bench.Decide(With(ip, ("tcp_migrate_req", "1")), bed =>
    {
        (Victim victim, Victim other, int otherListener, Endpoint at) = TwoListeners(bed, ip, out Victim client, out int queued);
        End clientEnd = bed.Watch("client's end", client.LocalName(queued), at);
        victim.Kill();
        SocketSeen afterDeath = clientEnd.Look();
        other.Begin("accept4() of the other listener", Call.To("accept4", otherListener, 0, 0, 0));
        Returned? accepted = other.AwaitReturn();
        client.Make("write(10)", new Call(CallKind.Write, queued, 10));
        Returned? read = accepted is { Error: Errno.None }
            ? other.Attempt("read(10)", new Call(CallKind.Read, (int)accepted.Value, 10))
            : null;
        bool wasReset = bed.Stream(at, clientEnd.Tuple.Local).HasReset;
        bed.Look("after the other listener has accepted");

        bed.Set("net.ipv4.tcp_migrate_req", "0");
        other.Make("close()", new Call(CallKind.Close, otherListener));
        (Victim third, _, _, Endpoint elsewhere) = TwoListeners(bed, ip, out Victim secondClient, out int lost);
        End lostEnd = bed.Watch("second client's end", secondClient.LocalName(lost), elsewhere);
        bed.Control("the second client is connected", lostEnd.Look().State == ESTABLISHED);
        third.Kill();
        bed.Control("without the sysctl the same death resets", bed.Await(() => bed.Stream(elsewhere, lostEnd.Tuple.Local).HasReset));

        return Answer.Holds(() =>
        {
            afterDeath.State.Should().Be(ESTABLISHED);
            accepted.Should().NotBeNull("the connection is in the other listener's queue");
            (accepted?.Error).Should().Be(Errno.None);
            (read?.Value).Should().Be(10, "it is the client's connection");
            wasReset.Should().BeFalse();
        });
    });

    [Claim("O09", "A connection held back by TCP_DEFER_ACCEPT is not reset when its listener dies: its client stays ESTABLISHED until it sends.")]
    [Note("Why does a client believe that it is connected to a server that has died? With TCP_DEFER_ACCEPT the server's kernel keeps no connection before the first data, so it has nothing to reset; the client learns of it when it sends.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_check_req(): rskq_defer_accept; net/ipv4/inet_connection_sock.c inet_csk_listen_stop() knows the accept queue only")]
    [FreeBSD(NotApplicable, NoDeferAccept)]
    [DragonFly(NotApplicable, NoDeferAccept)]
    [OpenBSD(NotApplicable, NoDeferAccept)]
    public Task DeferredConnectionIsNotTold(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim victim = bed.Fork();
        int deferring = victim.Socket(ip);
        victim.SetOption(deferring, SocketOption.TCP_DEFER_ACCEPT, 10);
        Endpoint at = victim.Listen(deferring, Loopback(ip));
        Endpoint ordinary = victim.Listen(victim.Socket(ip), Loopback(ip));
        Victim client = bed.ForkBystander();
        int deferred = client.Socket(ip);
        int queued = client.Socket(ip);
        client.Connect(deferred, at);
        client.Connect(queued, ordinary);
        End clientEnd = bed.Watch("deferred client's end", client.LocalName(deferred), at);
        End queuedEnd = bed.Watch("control's client's end", client.LocalName(queued), ordinary);
        bed.Control("both clients are connected", clientEnd.Look().State == ESTABLISHED && queuedEnd.Look().State == ESTABLISHED);

        victim.Kill();
        bed.Control(
            "a connection in the queue of an ordinary listener is reset",
            queuedEnd.Await(None).IsGone && bed.Await(() => bed.Stream(ordinary, queuedEnd.Tuple.Local).HasReset));
        SocketSeen afterDeath = clientEnd.Look();
        bool wasReset = bed.Stream(at, clientEnd.Tuple.Local).HasReset;
        bed.Look("after the death of the listener");
        client.Make("write(10)", new Call(CallKind.Write, deferred, 10));
        SocketSeen afterWrite = clientEnd.Await(None);
        bed.Look("after the client has sent");

        return Answer.Holds(() =>
        {
            afterDeath.State.Should().Be(ESTABLISHED);
            wasReset.Should().BeFalse();
            afterWrite.State.Should().Be(None);
        });
    });

    [Claim("O10", "A FIN_WAIT_2 orphan beyond net.ipv4.tcp_max_tw_buckets is gone at once, without a RST.")]
    [Note("Why does FIN_WAIT_2 vanish on a busy server, and why do late peers get RST? Orphans in FIN_WAIT_2 share the limit of TIME_WAIT, tcp_max_tw_buckets; beyond it the kernel forgets them at once. TCPTimeWaitOverflow counts it.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_time_wait(): without a time-wait socket, tcp_done(); net/ipv4/inet_timewait_sock.c inet_twsk_alloc()")]
    [FreeBSD(NotApplicable, NoBuckets)]
    [DragonFly(NotApplicable, NoBuckets)]
    [OpenBSD(NotApplicable, NoBuckets)]
    public Task TimeWaitLimitTakesFinWait2Orphans(Ip ip) => Bench.Decide(With(ip, ("tcp_max_tw_buckets", "1")), bed =>
    {
        Pair pair = bed.Connect();
        Pair first = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim earlier = bed.Fork(first);
        bed.Control("the other connection is ESTABLISHED", pair.VictimEnd.Look().State == ESTABLISHED);
        earlier.Kill();
        bed.Control("the first orphan is kept in FIN_WAIT_2", first.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        long before = bed.Counter("TCPTimeWaitOverflow");

        victim.Kill();
        bed.Control("the peer got a FIN, and acknowledged it", bed.Await(() => pair.FromVictim.IsFinAcknowledged));
        SocketSeen left = pair.VictimEnd.Await(None);
        long overflows = bed.Counter("TCPTimeWaitOverflow") - before;
        bool wasReset = pair.FromVictim.HasReset;
        bed.Control("the first orphan is there still", first.VictimEnd.Look().State == FIN_WAIT_2);
        bed.Look("before wait()");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(None);
            overflows.Should().Be(1);
            wasReset.Should().BeFalse();
            pair.PeerEnd.Look().State.Should().Be(CLOSE_WAIT, "the peer can go on sending, in vain");
        });
    });

    [Claim("O11", "The segments of an orphan still carry the timestamps that its process had negotiated, those of TIME_WAIT too.")]
    [Note("Do segments without a process look different on the wire? No: options that were negotiated stay, so a firewall or peer that checks timestamps sees nothing unusual.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_output.c tcp_established_options(); net/ipv4/tcp_ipv4.c tcp_v4_timewait_ack(), net/ipv6/tcp_ipv6.c tcp_v6_timewait_ack(); RFC 7323 section 3.2")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_output.c tcp_output(); sys/netinet/tcp_timewait.c tcp_twrespond()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_output.c tcp_output()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output()")]
    public Task OrphanKeepsTimestamps(Ip ip) => Bench.Decide(Retransmitting(ip) with { LeavesTimeWait = true }, bed =>
    {
        Pair pair = bed.Connect();
        bed.Set("net.ipv4.tcp_timestamps", "0");
        Pair without = bed.Connect("control");
        IReadOnlyList<Segment> sent = LifeAfterDeath(bed, pair, without, out IReadOnlyList<Segment> sentWithout);
        bed.Control("where none were negotiated there are none", sentWithout.All(segment => !segment.HasTimestamps));

        return Answer.Holds(() => sent.Should().OnlyContain(segment => segment.HasTimestamps));
    });

    [Claim("O12", "The segments of an orphan keep the type of service that its process had set.")]
    [Note("Does QoS marking (IP_TOS, IPV6_TCLASS) survive the process? Yes, retransmissions of the dead process's data are marked as the process had asked, those of TIME_WAIT on Linux too.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/ip_output.c __ip_queue_xmit(): inet->tos; net/ipv6/tcp_ipv6.c: np->tclass; net/ipv4/tcp_minisocks.c tcp_time_wait(): tw_tos, tw_tclass")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_output.c tcp_output(): inp_ip_tos, in6p_outputopts")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_output.c tcp_output(): inp_ip_tos")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_output.c tcp_output(): inp_ip.ip_tos")]
    public Task OrphanKeepsTypeOfService(Ip ip) => Bench.Decide(Retransmitting(ip) with { LeavesTimeWait = true }, bed =>
    {
        const int Lowest = 0x20;
        const int Dscp = 0xfc;
        Pair pair = bed.Connect();
        Pair without = bed.Connect("control");
        IReadOnlyList<Segment> sent = LifeAfterDeath(
            bed, pair, without, out IReadOnlyList<Segment> sentWithout, victim => SetTypeOfService(victim, ip, Lowest));
        bed.Control("where none was set there is none", sentWithout.All(segment => (segment.TypeOfService & Dscp) == 0));

        return Answer.Holds(() => sent.Should().OnlyContain(segment => (segment.TypeOfService & Dscp) == Lowest));
    });

    [Claim("O13", "A FIN_WAIT_2 orphan lasts three and a half retransmission timeouts at least, however short tcp_fin_timeout is.")]
    [Note("Why do some orphans in FIN_WAIT_2 outlive tcp_fin_timeout? On a slow path the kernel keeps them for three and a half of the connection's own retransmission timeouts, if that is longer.")]
    [Lab("default timers: 60 s, and a retransmission timeout above 17 s")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_minisocks.c tcp_time_wait(): timeo is at least 3.5 icsk_rto")]
    [FreeBSD(NotApplicable, NoFinTimeout)]
    [DragonFly(NotApplicable, NoFinTimeout)]
    [OpenBSD(NotApplicable, NoFinTimeout)]
    public Task SlowPathStretchesFinTimeout(Ip ip) => Bench.Decide(
        With(ip, ("tcp_fin_timeout", "1"), ("tcp_rto_min_us", "4000000")) with { AwaitsRetransmissions = true },
        bed =>
        {
            // The lower bound is taken over when a socket is made.
            Pair pair = bed.Connect();
            bed.Set("net.ipv4.tcp_rto_min_us", "200000");
            Pair quick = bed.Connect("control");
            Victim victim = bed.Fork(pair);
            Victim other = bed.Fork(quick);
            victim.Kill();
            bed.Control("the peer acknowledges the FIN", bed.Await(() => pair.FromVictim.IsFinAcknowledged));
            other.Kill();
            bed.Control("the other death leaves FIN_WAIT_2", quick.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

            bed.Control("which expires by tcp_fin_timeout", quick.VictimEnd.Await(None).IsGone);
            SocketSeen orphan = pair.VictimEnd.Look();
            bed.Look("after the younger orphan has expired");

            return Answer.Holds(() => orphan.State.Should().Be(FIN_WAIT_2, "its retransmission timeout is 4 s"));
        });

    [Claim("O14", "A dead server's port stays taken while a connection it had accepted is in FIN_WAIT_2: bind() without SO_REUSEADDR fails.")]
    [Note("Why does a restarted server fail with \"address already in use\" although nothing listens there any more? The kernel is still closing connections that the old one had accepted. Set SO_REUSEADDR on the listener, in the old process and in the new.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_connection_sock.c inet_csk_bind_conflict(), inet_bind_conflict(): sk_reuse on both")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/in_pcb.c in_pcb_lport_dest(), in_pcbbind_setup()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/in_pcb.c in_pcbbind()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/in_pcb.c in_pcbaddrisavail()")]
    public Task OrphanKeepsTheServersPort(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { LeavesTimeWait = true }, bed =>
    {
        Victim victim = bed.Fork();
        Victim client = bed.ForkBystander();
        Victim restarted = bed.ForkBystander();
        End left = Serve(bed, ip, victim, client, "server's end", reuses: false);
        End reusable = Serve(bed, ip, victim, client, "control's server's end", reuses: true);
        victim.Kill();
        bed.Control(
            "both connections are orphans in FIN_WAIT_2",
            left.Await(FIN_WAIT_2).State == FIN_WAIT_2 && reusable.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Control("no listener is left", bed.Watch("listener", left.Tuple.Local).Look().IsGone);

        int reusing = restarted.Socket(ip);
        restarted.SetOption(reusing, SocketOption.SO_REUSEADDR, 1);
        restarted.Make("bind() with SO_REUSEADDR", new Call(CallKind.Bind, reusing) { Address = reusable.Tuple.Local });
        Returned bound = restarted.AttemptBind(restarted.Socket(ip), left.Tuple.Local);
        bed.Look("after bind()");

        return Answer.Holds(() => bound.Error.Should().Be(Errno.EADDRINUSE));
    });

    private static TestbedPlan With(Ip ip, params (string Name, string Value)[] settings) => new(ip, Topology.Loopback)
    {
        Settings = settings.ToDictionary(setting => $"net.ipv4.{setting.Name}", setting => setting.Value),
    };

    // A tenth of the usual first retransmission timeout, so that what is silent is given up after 0.6 s instead of 1.4 s.
    private static TestbedPlan Retransmitting(Ip ip, params (string Name, string Value)[] settings) =>
        With(ip, [.. settings, ("tcp_rto_min_us", "20000")]) with { AwaitsRetransmissions = true };

    // Three and a half of the usual first retransmission timeout are less than a second, of that which was put off they are not: O13.
    private static TestbedPlan WithFinTimeout(Ip ip) => With(ip, ("tcp_fin_timeout", "1")) with { AwaitsRetransmissions = true };

    private static Endpoint Loopback(Ip ip) =>
        new(ip == Ip.IPv4 ? System.Net.IPAddress.Loopback : System.Net.IPAddress.IPv6Loopback, 0);

    private static void ProbeEverySecond(Victim victim)
    {
        victim.SetOption(SocketOption.SO_KEEPALIVE, 1);
        victim.SetOption(SocketOption.TCP_KEEPINTVL, 1);
        victim.SetOption(SocketOption.TCP_KEEPIDLE, 1);
    }

    // A probe is a bare acknowledgement whose sequence number has been acknowledged already (RFC 1122 section 4.2.3.6).
    private static int Probes(Testbed bed, Pair pair, int since) => bed.Captured.Skip(since).Count(segment =>
        segment is { Flags: TcpFlags.ACK, Length: 0 }
        && segment.Tuple == pair.VictimEnd.Tuple
        && segment.Sequence + 1 == pair.FromVictim.Next);

    // A victim and another process with a listener each, on one port; a connection waits in the victim's queue.
    private static (Victim Victim, Victim Other, int OtherListener, Endpoint At) TwoListeners(
        Testbed bed,
        Ip ip,
        out Victim client,
        out int queued)
    {
        Victim victim = bed.Fork();
        Victim other = bed.Fork();
        client = bed.ForkBystander();
        int listener = victim.Socket(ip);
        victim.SetOption(listener, SocketOption.SO_REUSEPORT, 1);
        Endpoint at = victim.Listen(listener, Loopback(ip));

        // While it is alone all connections are its own.
        queued = client.Socket(ip);
        client.Connect(queued, at);
        int otherListener = other.Socket(ip);
        other.SetOption(otherListener, SocketOption.SO_REUSEPORT, 1);
        other.Listen(otherListener, at);
        return (victim, other, otherListener, at);
    }

    // A listener that has accepted one connection: the server's end of it.
    private static End Serve(Testbed bed, Ip ip, Victim server, Victim client, string name, bool reuses)
    {
        int listener = server.Socket(ip);
        server.SetOption(listener, SocketOption.SO_REUSEADDR, reuses ? 1 : 0);
        Endpoint at = server.Listen(listener, Loopback(ip));
        int connection = client.Socket(ip);
        client.Connect(connection, at);
        server.Accept(listener);
        return bed.Watch(name, at, client.LocalName(connection));
    }

    private static void SetTypeOfService(Victim victim, Ip ip, int value)
    {
        (string level, string option) = ip == Ip.IPv4 ? ("IPPROTO_IP", "IP_TOS") : ("IPPROTO_IPV6", "IPV6_TCLASS");
        victim.Make("setsockopt(type of service)", Call.To("setsockopt", victim.Descriptor(), level, option, Memory.Of(value), sizeof(int)));
    }

    // From the death over a retransmission of the FIN to TIME_WAIT: all that each end sent since its process died.
    private static IReadOnlyList<Segment> LifeAfterDeath(
        Testbed bed,
        Pair pair,
        Pair control,
        out IReadOnlyList<Segment> sentByControl,
        Action<Victim>? prepare = null)
    {
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(control);
        Block hush = pair.Hush();
        Block otherHush = control.Hush();
        prepare?.Invoke(victim);
        int alive = bed.Captured.Count;
        victim.Kill();
        other.Kill();
        bed.Control(
            "the FINs of both are sent again",
            bed.Await(() => pair.FromVictim.Retransmissions > 0 && control.FromVictim.Retransmissions > 0));
        hush.Lift();
        otherHush.Lift();
        foreach (Pair each in new[] { pair, control })
        {
            each.VictimEnd.Await(FIN_WAIT_2);
            each.PeerEnd.Read();
            each.PeerEnd.Close();
            bed.Control("the peer's FIN makes it TIME_WAIT", each.VictimEnd.Await(TIME_WAIT).State == TIME_WAIT);
            bed.Control("and is acknowledged", bed.Await(() => each.FromPeer.IsFinAcknowledged));
            each.PeerEnd.Await(None);
        }

        bed.Look("after the peers' FIN");
        sentByControl = From(bed, control, alive);
        return From(bed, pair, alive);
    }

    private static IReadOnlyList<Segment> From(Testbed bed, Pair pair, int since) =>
        [.. bed.Captured.Skip(since).Where(segment => segment.Tuple == pair.VictimEnd.Tuple)];
}
