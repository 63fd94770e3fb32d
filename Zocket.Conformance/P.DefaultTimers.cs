namespace Zocket.Conformance;

[Family("P", "Lives at default timers")]
public sealed class DefaultTimers
{
    private const string Alike = "retransmissions are bounded alike with and without an owner: P01";

    // Far more than any of them takes, so that what never ends is told from what ends late.
    private static readonly TimeSpan Longest = TimeSpan.FromHours(4);

    [Claim("P01", "At default timers, an orphan in FIN_WAIT_1 whose peer is silent is given up after 100 to 120 seconds.")]
    [Note("How long does a dead server's connection to a vanished client stay in the table? On Linux 106 s, whatever tcp_retries2 and tcp_fin_timeout say: tcp_orphan_retries 0 stands for 8. To shorten it set that, not tcp_fin_timeout.")]
    [LabOnly("default timers: 106 s")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "net/ipv4/tcp_timer.c tcp_orphan_retries(): 0 means 8; retransmits_timed_out()")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/netinet/tcp_timer.c tcp_timer_rexmt(), tcp_backoff[]: 13 timeouts, some 80 s from the floor of 30 ms")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/netinet/tcp_timer.c tcp_timer_rexmt_handler(), tcp_backoff[]: some 18 s from the floor of 30 ms")]
    [OpenBSD(DoesNotHold, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_rexmt(), tcp_backoff[]: some 511 s from the floor of 1 s")]
    public Task FinWait1OrphanLivesTwoMinutes(Ip ip) => Bench.Decide(AtDefaultTimers(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair owned = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim keeper = bed.Fork(owned);
        pair.Hush();
        owned.Hush();
        bed.AwaitTurnOfTimers();
        victim.Write(10);
        keeper.Write(10);

        return IsGivenUpBetween(bed, TimeSpan.FromSeconds(100), TimeSpan.FromSeconds(120), victim, pair, owned);
    });

    [Claim("P02", "At default timers, a zero-window orphan whose peer answers every probe is given up after five to six minutes.")]
    [Note("A client that stays connected but never reads holds a dead Linux server's connection for 334 s, and not one that lives at all: there the kernel asks for ever. On the BSDs the dead server's may stay for good.")]
    [LabOnly("default timers: 334 s")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "net/ipv4/tcp_timer.c tcp_probe_timer(): SOCK_DEAD, once the backoff has reached TCP_RTO_MAX")]
    [FreeBSD(DoesNotHold, Measured, "12.2", "transcript three-writers, zero window, one run over loopback: gone after 211 s; sys/netinet/tcp_timer.c tcp_timer_persist()")]
    [DragonFly(DoesNotHold, Measured, "5.9", "transcripts' README: still there when a watch of 420 s ended; sys/netinet/tcp_timer.c tcp_timer_persist()")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_persist(): idle time, too, must exceed the limit")]
    public Task ZeroWindowOrphanLivesFiveMinutes(Ip ip) => Bench.Decide(AtDefaultTimers(ip) with { ReadsTimers = true }, bed =>
    {
        Pair pair = bed.Connect(plan: ZeroWindowOrphans.SmallWindow);
        Pair owned = bed.Connect("control", ZeroWindowOrphans.SmallWindow);
        Victim victim = bed.Fork(pair);
        Victim keeper = bed.Fork(owned);
        bed.AwaitTurnOfTimers();
        ZeroWindowOrphans.FillUntilWindowCloses(bed, victim, pair);
        ZeroWindowOrphans.FillUntilWindowCloses(bed, keeper, owned);

        return IsGivenUpBetween(bed, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6), victim, pair, owned);
    });

    [Claim("P03", "At default timers, a FIN_WAIT_2 orphan lasts 60 seconds.")]
    [Note("The server has died, the client has acknowledged everything and does not close: its connection stays in the table for a minute on Linux (tcp_fin_timeout), for ten on FreeBSD and DragonFly.")]
    [LabOnly("default timers: 60 s")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "net/ipv4/tcp.c __tcp_close(), include/net/tcp.h tcp_fin_time(), TCP_FIN_TIMEOUT")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_2msl(): until idle for keepcnt times keepintvl, 600 s")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_timer.c tcp_timer_2msl_handler(): until idle for keepcnt times keepintvl, 600 s")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_2msl(): until idle for tcp_maxidle")]
    public Task FinWait2OrphanLivesOneMinute(Ip ip) => Bench.Decide(AtDefaultTimers(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair owned = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim keeper = bed.Fork(owned);
        keeper.ShutdownWrite();
        long began = bed.AwaitTurnOfTimers();
        victim.Kill();
        bed.Control("both connections are in FIN_WAIT_2", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && owned.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        SocketSeen left = pair.VictimEnd.Await(None, Longest);
        TimeSpan life = bed.Lasted("the orphan", began);
        bed.Control("that of a living process is still there", owned.VictimEnd.Look().State == FIN_WAIT_2);
        bed.Look("when the orphan is gone");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                left.State.Should().Be(None);
                life.Should().BeCloseTo(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(2));
            })
            .DoesNotHold("it has another life", () => life.Should().NotBeCloseTo(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(2)));
    });

    [Claim("P04", "At default timers, a connection with unacknowledged data outlives an orphan with the same data eight times, if its process lives.")]
    [Note("Why does the server that was killed forget a vanished client in two minutes, and the one that lives only in fifteen? tcp_retries2 (15, some 924 s) counts while somebody owns the socket, tcp_orphan_retries (0, which is 8) when nobody does. TCP_USER_TIMEOUT shortens the first for one socket.")]
    [LabOnly("default timers: 938 s")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "net/ipv4/tcp_timer.c tcp_write_timeout(): sysctl_tcp_retries2, tcp_orphan_retries()")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/netinet/tcp_timer.c tcp_timer_rexmt(): " + Alike)]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/netinet/tcp_timer.c tcp_timer_rexmt_handler(): " + Alike)]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.c tcp_timer_rexmt(): " + Alike)]
    public Task OwnedConnectionOutlivesOrphan(Ip ip) => Bench.Decide(AtDefaultTimers(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair owned = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim keeper = bed.Fork(owned);
        pair.Hush();
        owned.Hush();
        bed.AwaitTurnOfTimers();
        victim.Write(10);
        keeper.Write(10);
        long began = bed.AwaitTick();
        victim.Kill();
        bed.Control("the orphan is given up", pair.VictimEnd.Await(None, Longest).IsGone);
        TimeSpan orphaned = bed.Lasted("the orphan", began);
        SocketSeen left = owned.VictimEnd.Await(None, Longest);
        TimeSpan life = bed.Lasted("the connection with an owner", began, isTold: false);
        Returned read = keeper.Read(1, owned);
        bed.Look("when both are gone");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                left.State.Should().Be(None);
                life.Should().BeGreaterThan(8 * orphaned).And.BeLessThan(10 * orphaned);
                read.Error.Should().Be(Errno.ETIMEDOUT, "the owner is told");
            })
            .DoesNotHold("both live alike", () => life.Should().BeLessThan(2 * orphaned));
    });

    [Claim("P05", "With SO_KEEPALIVE and default timers, a silent peer is noticed after more than two hours.")]
    [Note("SO_KEEPALIVE alone does not clean up after clients that vanished while nothing was sent: not before tcp_keepalive_time, two hours, and on Linux nine unanswered probes of 75 s more. Set TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT on the socket.")]
    [LabOnly("default timers: 7891 s")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "net/ipv4/tcp_timer.c tcp_keepalive_timer(); include/net/tcp.h TCP_KEEPALIVE_TIME, TCP_KEEPALIVE_PROBES, TCP_KEEPALIVE_INTVL")]
    [FreeBSD(Holds, Documented, "13.0", "tcp(4): net.inet.tcp.keepidle, 2 hours")]
    [DragonFly(Holds, Documented, "5.9", "tcp(4): net.inet.tcp.keepidle, 2 hours")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/netinet/tcp_timer.h TCPTV_KEEPIDLE, TCPTV_KEEPINTVL, TCPTV_KEEPCNT")]
    public Task KeepaliveTakesTwoHours(Ip ip) => Bench.Decide(AtDefaultTimers(ip), bed =>
    {
        Pair pair = bed.Connect();
        Pair plain = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(plain);
        long began = bed.AwaitTurnOfTimers();
        victim.SetOption(SocketOption.SO_KEEPALIVE, 1);
        pair.Hush();
        plain.Hush();

        SocketSeen left = pair.VictimEnd.Await(None, Longest);
        TimeSpan life = bed.Lasted("the connection with SO_KEEPALIVE", began);
        bed.Control("without the option the connection is still there", plain.VictimEnd.Look().State == ESTABLISHED);
        bed.Look("when the silence was noticed");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(None);
            life.Should().BeGreaterThan(TimeSpan.FromHours(2)).And.BeLessThan(TimeSpan.FromHours(2.5));
        });
    });

    [Claim("P06", "At default timers, the end that closed first is in TIME_WAIT for 60 seconds, whether its process lives or not.")]
    [Note("Does it help to kill the process that left the TIME_WAITs? No: they belong to no process, and last a minute whoever lives. No sysctl of Linux shortens it; tcp_fin_timeout is about FIN_WAIT_2.")]
    [LabOnly("default timers: 60 s")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "include/net/tcp.h TCP_TIMEWAIT_LEN; net/ipv4/tcp_minisocks.c tcp_time_wait()")]
    [FreeBSD(Holds, Source, "13.0", "sys/netinet/tcp_timewait.c tcp_twstart(): twice net.inet.tcp.msl, 30 s")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_timer.h TCPTV_MSL, 30 s, twice")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_timer.h TCPTV_MSL, 30 s, twice")]
    public Task TimeWaitLastsOneMinute(Ip ip) => Bench.Decide(AtDefaultTimers(ip) with { LeavesTimeWait = true }, bed =>
    {
        Pair pair = bed.Connect();
        Pair alive = bed.Connect("living");
        Pair open = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim keeper = bed.Fork(alive, open);
        bed.AwaitTurnOfTimers();
        keeper.Close(alive);
        victim.Kill();
        pair.VictimEnd.Await(FIN_WAIT_2);
        alive.VictimEnd.Await(FIN_WAIT_2);
        long began = bed.AwaitTick();
        pair.PeerEnd.Close();
        alive.PeerEnd.Close();
        bed.Control("both are in TIME_WAIT", pair.VictimEnd.Await(TIME_WAIT).State == TIME_WAIT && alive.VictimEnd.Await(TIME_WAIT).State == TIME_WAIT);

        SocketSeen left = pair.VictimEnd.Await(None, Longest);
        TimeSpan life = bed.Lasted("TIME_WAIT", began);
        bool ofTheLiving = alive.VictimEnd.Await(None).IsGone;
        bed.Control("a connection that nobody closed is still there", open.VictimEnd.Look().State == ESTABLISHED);
        bed.Look("when both are gone");
        victim.Reap();

        return Answer.Holds(() =>
        {
            left.State.Should().Be(None);
            ofTheLiving.Should().BeTrue("both began at the same time");
            life.Should().BeCloseTo(TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(2));
        });
    });

    private static TestbedPlan AtDefaultTimers(Ip ip) => new(ip, Topology.Loopback) { AwaitsRetransmissions = true, AwaitsDefaultTimers = true };

    // There is data in both connections that their peers have not taken.
    private static Answer IsGivenUpBetween(Testbed bed, TimeSpan least, TimeSpan most, Victim victim, Pair pair, Pair owned)
    {
        long began = bed.AwaitTick();
        victim.Kill();
        bed.Control("the death leaves FIN_WAIT_1", pair.VictimEnd.Look().State == FIN_WAIT_1);

        SocketSeen left = pair.VictimEnd.Await(None, Longest);
        TimeSpan life = bed.Lasted("the orphan", began);
        SocketSeen held = owned.VictimEnd.Look();
        bed.Look("when the orphan is gone");
        victim.Reap();

        return Answer
            .Holds(() =>
            {
                left.State.Should().Be(None);
                life.Should().BeGreaterThan(least).And.BeLessThan(most);

                // Not where the claim does not hold: on the BSDs a connection that has an owner is given up just as soon (P04).
                held.State.Should().Be(ESTABLISHED, "a living process's like connection is still there");
                held.SendQueue.Should().BePositive();
            })
            .DoesNotHold("it has another life", () => (life < least || life > most).Should().BeTrue());
    }
}
