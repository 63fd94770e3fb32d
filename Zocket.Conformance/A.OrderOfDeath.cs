namespace Zocket.Conformance;

[Family("A", "Order of death and the latency of wait()")]
public sealed class OrderOfDeath
{
    // Far more than a death costs on a busy machine, far less than anything that waits for a network.
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(2);

    [Claim("A01", "By the time a parent can first learn of a child's death, the child's only socket has already left ESTABLISHED.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit(): exit_files(), then exit_task_work() with the deferred fput(), then exit_notify()")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers; sys/kern/kern_exit.c exit1(): fdescfree() long before NOTE_EXIT and PRS_ZOMBIE")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers; sys/kern/kern_exit.c exit1(): fdfree() before the zombie list and NOTE_EXIT")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger; sys/kern/kern_exit.c exit1(): fdfree() before NOTE_EXIT and zombprocess")]
    public Task ExitClosesSocketsBeforeZombie(Ip ip, Notice notice) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim parent = bed.Fork(pair);
        Victim child = parent.Fork();
        parent.Close();
        pair.Hush();
        child.Write(1);
        bed.Control("the socket is ESTABLISHED while its only holder lives", pair.VictimEnd.Look().State == ESTABLISHED);

        SocketSeen atFirstNotice = parent.KillChildAndLookAtFirst(notice, pair);
        bed.Control("the byte is not acknowledged", atFirstNotice.SendQueue == 1);
        bed.Look("after the first notice, before wait()");

        return Answer.Holds(() => atFirstNotice.State.Should().Be(FIN_WAIT_1, "the parent looked as soon as it could know"));
    });

    [Claim("A02", "Without SO_LINGER, a process that dies with unacknowledged data becomes waitable at once, whether the queue holds one byte or a full send buffer.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): no timeout without SOCK_LINGER; net/ipv4/tcp.c __tcp_close()")]
    [FreeBSD(Holds, Measured, "12.2", "transcripts three-writers and linger-and-death; sys/kern/uipc_socket.c soclose(): waits only under SO_LINGER")]
    [DragonFly(Holds, Measured, "5.9", "transcripts three-writers and linger-and-death; sys/kern/uipc_socket.c soclose()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger; sys/kern/uipc_socket.c soclose(): waits only under SO_LINGER")]
    public Task UnackedDataDoesNotDelayWait(
        Ip ip,
        [Each("1 byte", "64 KiB", "a full send buffer")] string queued,
        [Each(UnderscoreExit, Sigkill)] DeathPath death) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect(plan: new PairPlan { VictimSendBuffer = 256 * 1024 });
        Pair open = bed.Connect("control");
        Victim victim = bed.Fork(pair, open);
        pair.Hush();
        long unacknowledged = queued switch
        {
            "1 byte" => victim.Write(1),
            "64 KiB" => victim.Write(64 * 1024),
            _ => bed.Name(victim.Fill(), "a full send buffer"),
        };
        victim.Write(1, open);
        bed.Control("where nothing blocks, data is acknowledged and leaves the queue", open.VictimEnd.Await(seen => seen.SendQueue == 0).SendQueue == 0);

        Death dead = victim.Die(death);
        SocketSeen orphan = pair.VictimEnd.Look();
        open.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            dead.Latency.Should().BeLessThan(AtOnce, "death does not wait for acknowledgements");
            orphan.SendQueue.Should().Be(unacknowledged, "not one byte had been acknowledged when the death could be waited for");
        });
    });

    [Claim("A03", "The wait latency of a process with 2000 blocked sockets is CPU time only, not network time.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit(); net/ipv4/tcp.c __tcp_close() hands each connection to its timers")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c fdescfree(); sys/kern/uipc_socket.c soclose()")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c fdfree(); sys/kern/uipc_socket.c soclose()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdfree(); sys/kern/uipc_socket.c soclose()")]
    public Task ManyOrphansDoNotDelayWait(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { CapturesWire = false }, bed =>
    {
        const int Many = 2000;
        IReadOnlyList<Pair> pairs = bed.Connect(Many);
        bed.Hush(pairs);
        bed.WriteBeforeForking(1, pairs);
        Victim victim = bed.Fork([.. pairs]);
        bed.Control("all are ESTABLISHED while their only holder lives", bed.CountVictimEnds(ESTABLISHED, sendQueue: 1) == Many);

        Death death = victim.Kill();
        int orphans = bed.CountVictimEnds(FIN_WAIT_1, sendQueue: 1);
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            death.Latency.Should().BeLessThan(AtOnce, "closing 2000 sockets is a matter of CPU time");
            orphans.Should().Be(Many, "every one of them still has its byte unacknowledged");
        });
    });

    [Claim("A04", "A zombie has no open descriptors even while its connection is still alive in the kernel.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit(): exit_files() before exit_notify(); proc_pid_fd(5)")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exit.c exit1(): fdescfree() before PRS_ZOMBIE")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1(): fdfree() before the zombie list")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_exit.c exit1(): fdfree() before zombprocess")]
    public Task ZombieOwnsNoDescriptors(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        pair.Hush();
        victim.Write(10);
        bed.Control("while it lives it has one descriptor", victim.Look().Descriptors?.Count == 1);

        victim.Exit();
        ProcessSeen zombie = victim.Look();
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Control("the ten bytes are not acknowledged", orphan.SendQueue == 10);
        bed.Look("before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            zombie.State.Should().Be('Z', "it has not been waited for");
            zombie.Descriptors.Should().BeEmpty("a zombie has given up everything but its exit status");
            orphan.State.Should().Be(FIN_WAIT_1, "the connection lives on without it");
        });
    });

    [Claim("A05", "Reaping a zombie changes nothing about the orphaned connection: same state, queue and owner before and after wait().")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c release_task() touches no files and no sockets")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers; sys/kern/kern_exit.c proc_reap()")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers; sys/kern/kern_exit.c kern_wait()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger; sys/kern/kern_exit.c proc_finish_wait()")]
    public Task ReapingDoesNotChangeOrphan(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { AwaitsRetransmissions = true }, bed =>
    {
        Pair pair = bed.Connect();
        IReadOnlyList<Victim> writers = bed.Fork(3, pair);
        Block hush = pair.Hush();
        foreach (Victim writer in writers)
        {
            writer.Write(10);
            writer.Exit();
        }

        SocketSeen before = pair.VictimEnd.Look();
        bed.Look("before wait()");
        foreach (Victim writer in writers)
        {
            writer.Reap();
        }

        SocketSeen after = pair.VictimEnd.Look();
        bed.Look("after wait()");
        hush.Lift();
        SocketSeen changed = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Control("what does change the orphan is an acknowledgement", changed.State == FIN_WAIT_2);

        return Answer.Holds(() =>
        {
            before.State.Should().Be(FIN_WAIT_1);
            before.SendQueue.Should().Be(30, "three writers left ten bytes each");
            after.State.Should().Be(before.State);
            after.SendQueue.Should().Be(before.SendQueue);
            after.ReceiveQueue.Should().Be(before.ReceiveQueue);
            after.Owners.Should().BeEquivalentTo(before.Owners);
        });
    });

    [Claim("A07", "How a process dies - _exit(), exit(), return from main, SIGTERM, SIGSEGV, abort() without core, SIGKILL, SIGKILL of a stopped process - leaves the same TCP state and queue.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit(): every path ends there, by do_group_exit() or get_signal()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exit.c exit1(), also from sigexit(); _exit and SIGKILL measured on 12.2 (transcript linger-and-death)")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1(), also from sigexit(); _exit and SIGKILL measured on 5.9 (transcript linger-and-death)")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_exit.c exit1(), also from sigexit(); _exit and SIGKILL measured on 7.3 and 8.0-beta (transcript writers-and-linger)")]
    public Task DeathPathDoesNotMatter(Ip ip, DeathPath path) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair reference = bed.Connect("reference");
        Victim victim = bed.Fork(pair);
        Victim exiting = bed.Fork(reference);
        pair.Hush();
        reference.Hush();
        victim.Write(10);
        exiting.Write(10);
        bed.Control("the socket is ESTABLISHED while its holder lives", pair.VictimEnd.Look().State == ESTABLISHED);

        exiting.Exit();
        victim.Die(path);
        SocketSeen orphan = pair.VictimEnd.Look();
        SocketSeen expected = reference.VictimEnd.Look();
        bed.Look("before wait()");
        victim.Reap();
        exiting.Reap();
        bed.Look("after wait()");

        return Answer.Holds(() =>
        {
            expected.State.Should().Be(FIN_WAIT_1, "that is what _exit() leaves");
            expected.SendQueue.Should().Be(10);
            orphan.State.Should().Be(expected.State);
            orphan.SendQueue.Should().Be(expected.SendQueue);
            orphan.Owners.Should().BeEquivalentTo(expected.Owners);
        });
    });

    [Claim("A08", "A process killed while blocked in write() on a full connection dies at once and leaves the bytes already accepted in the orphan's queue.")]
    [Linux(Holds, Measured, "6.18", "net/core/stream.c sk_stream_wait_memory() is interruptible; net/ipv4/tcp.c __tcp_close()")]
    [FreeBSD(Holds, Measured, "12.2", "transcript linger-and-death, part H: zombie by +1 ms, Send-Q kept; sys/kern/uipc_sockbuf.c sbwait(): PCATCH")]
    [DragonFly(Holds, Measured, "5.9", "transcript linger-and-death, part H: zombie within 2 ms, Send-Q kept")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript further-deaths, part E: SDEAD at once, Send-Q 65432 kept")]
    public Task KilledInBlockedWriteDiesAtOnce(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect(plan: new PairPlan { PeerReceiveBuffer = 4096, VictimSendBuffer = 16 * 1024 });
        Victim victim = bed.Fork(pair);
        victim.BlockInWrite(5 * 1024 * 1024);
        bed.Control(
            "the peer's window is closed, and the writer is inside write() and alive",
            bed.Await(() => pair.VictimEnd.Look().Timer == TimerKind.Persist && victim.IsBlocked()) && !victim.IsWaitable());
        bed.Name(pair.VictimEnd.Look().SendQueue, "what the kernel had accepted");
        bed.Name(pair.PeerEnd.Look().ReceiveQueue, "a full receive buffer");

        Death death = victim.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Look("before wait()");
        victim.Reap();
        bed.Look("after wait()");

        return Answer.Holds(() =>
        {
            death.Latency.Should().BeLessThan(AtOnce, "the peer never made room, and the death did not wait for it");
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().BePositive("the bytes that write() had handed over belong to the kernel");
        });
    });

    [Claim("A12", "When only the main thread has ended and another thread lives, sockets stay open and the process cannot be reaped.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c wait_consider_task() with delay_group_leader(); exit_files() drops one reference of a shared files_struct")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_thr.c kern_thr_exit(): the process goes on while it has a thread")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/kern_exit.c: an LWP's exit is not its process's")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "regress/sys/kern/main-thread-exited; sys/kern/kern_exit.c exit1() with EXIT_THREAD")]
    public Task DeadMainThreadKeepsSockets(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        Victim sibling = victim.StartThread();

        victim.ExitThread();
        bool isWaitable = victim.IsWaitable();
        SocketSeen between = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Look("the main thread has ended, its sibling lives");

        sibling.ExitThread();
        bed.Control("once the last thread has ended, the process can be reaped", victim.AwaitDeath());
        bed.Control("and the peer meets the FIN", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Look("both have ended, before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            isWaitable.Should().BeFalse("a process is dead when its last thread is");
            between.State.Should().Be(ESTABLISHED);
            finWasSent.Should().BeFalse();
        });
    });

    [Claim("A13", "A process whose main thread has ended is listed as Z by ps although it is alive.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c exit_notify(): the leader stays EXIT_ZOMBIE until its group is empty; proc_pid_stat(5)")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/kern/kern_proc.c: the state is the process's, PRS_NORMAL while a thread lives")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/kern/kern_kinfo.c: the state is the process's")]
    [OpenBSD(DoesNotHold, Inferred, "the snapshot of August 2026", "sys/kern/kern_sysctl.c fill_kproc(): the state is taken from a living thread")]
    public Task DeadMainThreadIsShownAsZombie(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        Victim sibling = victim.StartThread();
        bed.Control("with both threads alive it is not listed as Z", victim.Look().State != 'Z');

        victim.ExitThread();
        ProcessSeen listed = victim.Look();
        bed.Control("it is alive: it cannot be waited for, and its connection is ESTABLISHED", !victim.IsWaitable() && pair.VictimEnd.Look().State == ESTABLISHED);
        bed.Look("the main thread has ended, its sibling lives");
        sibling.Exit();
        pair.VictimEnd.Await(FIN_WAIT_2);

        return Answer
            .Holds(() => listed.State.Should().Be('Z'))
            .DoesNotHold("it is listed like any other living process", () => listed.State.Should().NotBe('Z').And.NotBeNull());
    });
}
