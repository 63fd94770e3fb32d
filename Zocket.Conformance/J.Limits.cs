namespace Zocket.Conformance;

[Family("J", "Limits and accounting")]
public sealed class Limits
{
    private const string NoCount = "there is no such count";

    // The rows of J01 would disturb each other more than anyone else does.
    private static readonly Lock OneAtATime = new();

    [Claim("J01", "Every FIN_WAIT_1 orphan is counted among the orphans of /proc/net/sockstat.")]
    [Note("How many connections without a process does this machine have? /proc/net/sockstat says it in one word, orphan; ss -s shows the same number. It counts the whole machine, all containers together, and it is what net.ipv4.tcp_max_orphans is compared with.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp.c __tcp_close(): tcp_orphan_count; net/ipv4/proc.c sockstat_seq_show(): tcp_orphan_count_sum() over all network namespaces")]
    [FreeBSD(NotApplicable, NoCount)]
    [DragonFly(NotApplicable, NoCount)]
    [OpenBSD(NotApplicable, NoCount)]
    public Task OrphansAreCounted(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { CapturesWire = false }, bed =>
    {
        // The count is the whole machine's, and others make and end orphans meanwhile. So it is asked at many deaths, each of which
        // leaves a number of orphans that no one else leaves at once; some of them are sure to be undisturbed.
        const int Deaths = 16;
        const int Many = 61;
        List<long> quiet = [];
        List<long> rises = [];
        lock (OneAtATime)
        {
            for (int i = 0; i < Deaths; i++)
            {
                IReadOnlyList<Pair> pairs = bed.Connect(Many);
                bed.Hush(pairs);
                Victim victim = bed.Fork([.. pairs]);
                long before = bed.Counter("sockstat.TCP.orphan");
                long whileItLives = bed.Counter("sockstat.TCP.orphan");
                victim.Kill();
                quiet.Add(whileItLives - before);
                rises.Add(bed.Counter("sockstat.TCP.orphan") - whileItLives);
            }
        }

        bed.Control("all their connections are in FIN_WAIT_1", bed.CountVictimEnds(FIN_WAIT_1, sendQueue: 0) == Deaths * Many);
        bed.Control("while the process lives, the count stays", WasSeen(0, quiet));
        bed.Look("after all deaths");

        return Answer.Holds(() => WasSeen(Many, rises).Should().BeTrue($"each death left {Many} orphans; the count rose by {string.Join(", ", rises)}"));
    });

    [Claim("J02", "Beyond the system's limit of orphans, what a death would leave as orphans is reset at once.")]
    [Note("What does \"too many orphaned sockets\" in the kernel log mean? That net.ipv4.tcp_max_orphans was exceeded, and connections whose process closed them were reset instead of being finished: their peers may have lost the end of what was sent. The BSDs have no such limit.")]
    [LabOnly("net.ipv4.tcp_max_orphans is machine-wide")]
    [Linux(Holds, Measured, "6.1", "net/ipv4/tcp.c __tcp_close(): tcp_check_oom(), tcp_too_many_orphans(), TCPAbortOnMemory; tcp_orphan_update() every 100 ms")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/kern/uipc_socket.c soclose() counts nothing")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/kern/uipc_socket.c soclose() counts nothing")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c soclose() counts nothing")]
    public Task OrphanLimitResetsTheExcess(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { NeedsMachineOfItsOwn = true }, bed =>
    {
        const int Limit = 64;
        const int Excess = 20;
        bed.LimitOrphans(Limit);
        IReadOnlyList<Pair> within = bed.Connect(Limit + 1);
        IReadOnlyList<Pair> probes = bed.Connect(20);
        IReadOnlyList<Pair> beyond = bed.Connect(Excess);
        bed.Hush([.. within, .. probes, .. beyond]);
        Victim first = bed.Fork([.. within]);
        Victim prober = bed.Fork([.. probes]);
        Victim last = bed.Fork([.. beyond]);
        first.Kill();
        bed.Control("up to the limit every connection becomes an orphan", within.All(pair => pair.VictimEnd.Look().State == FIN_WAIT_1));

        // What is compared with the limit is counted ten times a second only: so connections are closed one at a time until that
        // must have been done, whether it shows or not.
        foreach (Pair probe in probes)
        {
            prober.Close(probe);
            bed.Await(() => probe.FromVictim.HasReset, TimeSpan.FromMilliseconds(50));
        }

        last.Kill();
        (int reset, int orphans) = CountResetAndOrphaned(bed, beyond);

        return Answer
            .Holds(() =>
            {
                reset.Should().Be(Excess);
                orphans.Should().Be(0);
            })
            .DoesNotHold("there is no limit, and they become orphans like all others", () =>
            {
                reset.Should().Be(0);
                orphans.Should().Be(Excess);
            });
    });

    [Claim("J03", "Orphans do not count against the limit of open descriptors of the process that left them.")]
    [Note("Can connections in FIN_WAIT_1 be the reason for \"too many open files\"? No: with close() the descriptor is free, whatever still becomes of the connection. A process may leave any number of orphans behind and still open new sockets.")]
    [Linux(Holds, Measured, "6.18", "fs/file.c close_fd() frees the number; fs/file.c alloc_fd() compares numbers with RLIMIT_NOFILE; net/ipv4/tcp.c __tcp_close()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_descrip.c kern_close(), fdalloc()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/kern_descrip.c kern_close(), fdalloc()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdrelease(), fdalloc()")]
    public Task OrphansDoNotCountAgainstDescriptorLimit(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { CapturesWire = false }, bed =>
    {
        const int Limit = 16;
        const int Many = 4 * Limit;
        Victim server = bed.ForkBystander(Host.Peers);
        int listener = server.Socket(ip);
        Endpoint silent = server.Listen(listener, bed.Address(Host.Peers));
        server.HearOnlyHandshakes(listener);
        Victim victim = bed.Fork();
        victim.LimitDescriptors(Limit);

        (int closed, Errno refusal) = victim.WriteAndClose(ip, silent, 10, Many);
        bed.Control("what it has closed is there in FIN_WAIT_1", bed.CountConnectionsTo(silent, FIN_WAIT_1) == closed);
        (int opened, Errno error) = victim.OpenSockets(ip, Many);
        bed.Control("the limit is in force for sockets that stay open", opened <= Limit && error == Errno.EMFILE);
        bed.Look("after so many were closed, and as many opened as the limit allows");

        return Answer.Holds(() =>
        {
            refusal.Should().Be(Errno.None);
            closed.Should().Be(Many, "that is four times the limit");
        });
    });

    [Claim("J04", "When its network namespace is removed, a FIN_WAIT_1 orphan vanishes with it, without RST.")]
    [Note("Do the connections of a deleted container stop at once? Not those in FIN_WAIT_1: the name of the namespace is gone, but the orphan keeps the namespace itself alive, with its addresses and its veth, goes on retransmitting, and still delivers if the peer answers again.")]
    [Linux(DoesNotHold, Measured, "6.18", "net/core/sock.c sk_alloc(): sk_net_refcnt, given back by __sk_destruct() only: net/core/net_namespace.c cleanup_net() cannot begin before the orphan has ended")]
    [FreeBSD(Unknown, "the counterpart would be the removal of a vnet jail; nobody has tried it")]
    [DragonFly(NotApplicable, "there is one network stack, which cannot be removed")]
    [OpenBSD(NotApplicable, "a routing domain is not removed while it is in use, and owns no sockets")]
    public Task NamespaceRemovalDropsOrphansSilently(Ip ip) => Bench.Decide(
        new TestbedPlan(ip, Topology.Veth)
        {
            AwaitsRetransmissions = true,
            Settings = new Dictionary<string, string> { ["net.ipv4.tcp_rto_min_us"] = "20000" },
        },
        bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        Block hush = pair.Hush();
        victim.Write(10);
        victim.Kill();
        bed.Control("the orphan is there", pair.VictimEnd.Look().State == FIN_WAIT_1);
        bed.Look("before the namespace is removed");

        bed.RemoveVictimsHost();
        int before = pair.FromVictim.Retransmissions;
        bool goesOn = bed.Await(() => pair.FromVictim.Retransmissions >= before + 2 || !bed.HasVictimsHost()) && bed.HasVictimsHost();
        bool wasReset = pair.FromVictim.HasReset;
        hush.Lift();
        IoResult read = bed.HasVictimsHost() ? pair.PeerEnd.Read() : pair.PeerEnd.ReadNow();
        bool isTakenAway = bed.Await(() => !bed.HasVictimsHost());
        bed.Control("once the orphan has delivered, or is gone, the kernel takes the namespace away", isTakenAway);
        bed.Look("after that");

        return Answer
            .Holds(() =>
            {
                goesOn.Should().BeFalse();
                wasReset.Should().BeFalse();
                read.Bytes.Should().Be(0);
            })
            .DoesNotHold("the orphan keeps the namespace, goes on retransmitting and delivers", () =>
            {
                goesOn.Should().BeTrue();
                wasReset.Should().BeFalse();
                read.Bytes.Should().Be(10);
                read.EndOfStream.Should().BeTrue();
            });
    });

    [Claim("J05", "When its network namespace is removed, a FIN_WAIT_2 orphan vanishes with it, without RST.")]
    [Note("Is the peer told when a container is deleted whose connections are in FIN_WAIT_2 or TIME_WAIT? No: they are thrown away with the namespace, silently. A peer that has not closed yet stays in CLOSE_WAIT and learns nothing.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_timewait_sock.c inet_twsk_purge(), called by net/ipv4/tcp_ipv4.c tcp_sk_exit_batch(): a FIN_WAIT_2 orphan is a time-wait socket and holds no namespace")]
    [FreeBSD(Unknown, "the counterpart would be the removal of a vnet jail; nobody has tried it")]
    [DragonFly(NotApplicable, "there is one network stack, which cannot be removed")]
    [OpenBSD(NotApplicable, "a routing domain is not removed while it is in use, and owns no sockets")]
    public Task NamespaceRemovalDropsFinWait2Silently(Ip ip) => Bench.Decide(ip, Topology.Veth, bed =>
    {
        Pair pair = bed.Connect();
        Pair reset = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim another = bed.Fork(reset);
        another.SetLinger(0);
        victim.Write(10);
        victim.Kill();
        bed.Control("the orphan is there", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Look("before the namespace is removed");

        // It kills the other process too, which leaves with RST.
        bed.RemoveVictimsHost();
        bool isTakenAway = bed.Await(() => !bed.HasVictimsHost());
        bed.Control("a RST that is sent is seen", reset.FromVictim.HasReset);
        SocketSeen peer = pair.PeerEnd.Look();
        bed.Look("after the namespace was removed");

        return Answer.Holds(() =>
        {
            isTakenAway.Should().BeTrue("tcp_fin_timeout is 60 s, and the namespace did not wait for it");
            pair.FromVictim.HasReset.Should().BeFalse();
            peer.State.Should().Be(CLOSE_WAIT);
        });
    });

    [Claim("J06", "Beyond the system's limit of TCP memory, a connection with much unsent data is reset at its process's death; one with little becomes an orphan.")]
    [Note("Does a dying server always deliver what it has written? Not where TCP has used up net.ipv4.tcp_mem (\"TCP: out of memory\" in the kernel log): what has more than a few kilobytes queued is reset and lost, and TCPAbortOnMemory counts it. The BSDs have no such limit.")]
    [LabOnly("net.ipv4.tcp_mem is machine-wide")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "net/ipv4/tcp.c __tcp_close(): tcp_check_oom(); include/net/tcp.h tcp_out_of_memory(): more than SOCK_MIN_SNDBUF queued, and more allocated than tcp_mem[2]")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/kern/uipc_socket.c soclose() asks for no memory")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/kern/uipc_socket.c soclose() asks for no memory")]
    [OpenBSD(DoesNotHold, Inferred, "the snapshot of August 2026", "sys/kern/uipc_socket.c soclose() asks for no memory")]
    public Task MemoryLimitResetsWhatHasMuchQueued(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { NeedsMachineOfItsOwn = true }, bed =>
    {
        // Each processor may have a megabyte allocated that is not counted yet (net/core/sock.c, net.core.mem_pcpu_rsv).
        const int Many = 40;
        const int Much = 100_000;
        const int FewPages = 16;
        const string Allocated = "sockstat.TCP.mem";
        var plan = new PairPlan { VictimSendBuffer = 2 * Much };
        Pair before = bed.Connect("control", plan);
        Pair little = bed.Connect("little");
        IReadOnlyList<Pair> full = bed.Connect(Many, plan);
        bed.Hush([before, little, .. full]);
        bed.WriteBeforeForking(Much, [before, .. full]);
        Victim first = bed.Fork(before);
        Victim victim = bed.Fork([little, .. full]);
        victim.Write(10, little);
        first.Kill();
        bed.Control("below the limit one with as much queued becomes an orphan", before.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: Much });
        bed.LimitTcpMemory(FewPages);
        bed.Control("more is allocated than that", bed.Counter(Allocated) > FewPages);
        victim.Kill();
        (int reset, int orphans) = CountResetAndOrphaned(bed, full);
        SocketSeen small = little.VictimEnd.Look();

        return Answer
            .Holds(() =>
            {
                reset.Should().Be(Many);
                small.State.Should().Be(FIN_WAIT_1);
                small.SendQueue.Should().Be(10);
            })
            .DoesNotHold("there is no limit, and they become orphans like all others", () =>
            {
                reset.Should().Be(0);
                orphans.Should().Be(Many);
            });
    });

    // Once the death has reached the peer of each, one way or the other.
    private static (int Reset, int Orphaned) CountResetAndOrphaned(Testbed bed, IReadOnlyList<Pair> pairs)
    {
        bed.Await(() => pairs.All(pair => pair.FromVictim.HasReset || pair.FromVictim.HasFin));
        return (
            pairs.Count(pair => pair.VictimEnd.Look().IsGone && pair.FromVictim.HasReset),
            pairs.Count(pair => pair.VictimEnd.Look().State == FIN_WAIT_1));
    }

    // By three differences or more, up to the few orphans that come and go elsewhere in the same milliseconds.
    private static bool WasSeen(long expected, List<long> differences)
    {
        const int AFew = 20;
        return differences.Count(difference => Math.Abs(difference - expected) <= AFew) >= 3;
    }
}
