namespace Zocket.Conformance;

[Family("A", "Order of death and the latency of wait()")]
public sealed class OrderOfDeath
{
    // Far more than a death costs on a busy machine, far less than anything that waits for a network.
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(2);

    [Claim("A01", "By the time a parent can first learn of a child's death, the child's only socket has already left ESTABLISHED.")]
    [Note("Can a parent be told of a death while the dead process's connection still looks alive? No: whoever learns of it by wait(), SIGCHLD or a pidfd finds the socket closed already. A supervisor may start a successor at once, without fearing that the old process still answers.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit(): exit_files(), then exit_task_work() with the deferred fput(), then exit_notify()")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers; sys/kern/kern_exit.c exit1(): fdescfree() long before NOTE_EXIT and PRS_ZOMBIE")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers; sys/kern/kern_exit.c exit1(): fdfree() before the zombie list and NOTE_EXIT")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger; sys/kern/kern_exit.c exit1(): fdfree() before NOTE_EXIT and zombprocess")]
    [NetBSD(Holds, Source, "kern_exit.c 1.245 (2015)", "sys/kern/kern_exit.c exit1(): fd_free() comes long before NOTE_EXIT and the zombie")]
    public Task ExitClosesSocketsBeforeZombie(Ip ip, Notice notice) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim parent = bed.Fork(pair);
        Victim child = parent.Fork();
        parent.Close();
        pair.Hush();
        bed.Control("the socket is ESTABLISHED while its only holder lives", pair.VictimEnd.Look().State == ESTABLISHED);
        child.Write(1);

        SocketSeen atFirstNotice = parent.KillChildAndLookAtFirst(notice, pair);
        bed.Control("the byte is not acknowledged", atFirstNotice.SendQueue == 1);
        bed.Look("after the first notice, before wait()");

        return Answer.Holds(() => atFirstNotice.State.Should().Be(FIN_WAIT_1, "the parent looked as soon as it could know"));
    });

    [Claim("A02", "Without SO_LINGER, a process that dies with unacknowledged data becomes waitable at once, whether the queue holds one byte or a full send buffer.")]
    [Note("Does a process hang as a zombie, or refuse to die, because the network is down and data is still unsent? No: the kernel takes over what is unsent, and the process is gone at once, whatever is in the queue. A process that will not die is waiting for something else.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_release(): no timeout without SOCK_LINGER; net/ipv4/tcp.c __tcp_close()")]
    [FreeBSD(Holds, Measured, "12.2", "transcripts three-writers and linger-and-death; sys/kern/uipc_socket.c soclose(): waits only under SO_LINGER")]
    [DragonFly(Holds, Measured, "5.9", "transcripts three-writers and linger-and-death; sys/kern/uipc_socket.c soclose()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger; sys/kern/uipc_socket.c soclose(): waits only under SO_LINGER")]
    [NetBSD(Holds, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(): waits only under SO_LINGER")]
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
    [Note("Does it take long to kill a server with thousands of stuck connections? No: each costs some microseconds of CPU time, and none waits for its peer.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit(); net/ipv4/tcp.c __tcp_close() hands each connection to its timers")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c fdescfree(); sys/kern/uipc_socket.c soclose()")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c fdfree(); sys/kern/uipc_socket.c soclose()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdfree(); sys/kern/uipc_socket.c soclose()")]
    [NetBSD(Holds, Source, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c soclose(); sys/kern/kern_descrip.c fd_free() goes through the table once")]
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
    [Note("Zombie holds my connection? No: a zombie has no descriptors at all. A connection in FIN_WAIT_1 that is seen beside it belongs to the kernel.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit(): exit_files() before exit_notify(); proc_pid_fd(5)")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exit.c exit1(): fdescfree() before PRS_ZOMBIE")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1(): fdfree() before the zombie list")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_exit.c exit1(): fdfree() before zombprocess")]
    [NetBSD(Holds, Source, "kern_exit.c 1.245 (2015)", "sys/kern/kern_exit.c exit1(): fd_free() comes before the zombie")]
    public Task ZombieOwnsNoDescriptors(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        pair.Hush();
        victim.Write(10);
        bed.Control("while it lives it has one descriptor", victim.LookAtDescriptors().Count == 1);

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
    [Note("Will the connection go away if the zombie is reaped? No: wait() frees the entry in the process table and nothing else. Only an acknowledgement, a reset or a timer ends the connection.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c release_task() touches no files and no sockets")]
    [FreeBSD(Holds, Measured, "12.2", "transcript three-writers; sys/kern/kern_exit.c proc_reap()")]
    [DragonFly(Holds, Measured, "5.9", "transcript three-writers; sys/kern/kern_exit.c kern_wait()")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript writers-and-linger; sys/kern/kern_exit.c proc_finish_wait()")]
    [NetBSD(Holds, Inferred, "kern_exit.c 1.245 (2015)", "sys/kern/kern_exit.c: a zombie has no descriptors left, so reaping it closes nothing")]
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

    [Claim("A06", "Once the orphan has expired, its local port can be bound, although the zombie has never been reaped.")]
    [Note("Zombie holds my port? No: it is the orphaned connection that holds it, and once the kernel has given that up the port is free, zombie or not. To have it sooner on Linux lower net.ipv4.tcp_orphan_retries, or let the server set SO_REUSEADDR.")]
    [Lab("default timers: 106 s until the orphan expires")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_timer.c tcp_write_timeout(), tcp_write_err(); net/ipv4/inet_hashtables.c inet_put_port()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_subr.c tcp_close() frees the inpcb and its port; sys/kern/kern_exit.c: a zombie has no descriptors")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_subr.c tcp_close(); sys/netinet/in_pcb.c in_pcbdetach()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_subr.c tcp_close(); sys/netinet/in_pcb.c in_pcbdetach()")]
    [NetBSD(Holds, Inferred, "tcp_subr.c 1.264 (2015)", "sys/netinet/tcp_subr.c tcp_close() gives the block and its port back; sys/kern/kern_exit.c: a zombie has no descriptors")]
    public Task UnreapedZombieDoesNotPinPort(Ip ip) => Bench.Decide(GivingUpSoon(ip), bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        Victim bystander = bed.ForkBystander();
        Endpoint port = pair.VictimEnd.Tuple.Local;
        int socket = bystander.Socket(ip);
        pair.Hush();
        victim.Exit();
        bed.Control(
            "while the orphan is there, its port cannot be bound",
            bystander.Try("bind()", new Call(CallKind.Bind, socket) { Address = port }).Error == Errno.EADDRINUSE
                && pair.VictimEnd.Look().State == FIN_WAIT_1);
        bed.Look("the orphan is there");

        bed.Set("net.ipv4.tcp_orphan_retries", "1");
        SocketSeen expired = pair.VictimEnd.AwaitGivingUp();
        Returned bound = bystander.AttemptBind(socket, port);
        ProcessSeen zombie = victim.Look();
        bed.Look("the orphan has expired, before wait()");
        victim.Reap();

        return Answer.Holds(() =>
        {
            expired.State.Should().Be(None, "the kernel has given it up");
            bound.Error.Should().Be(Errno.None, "nothing holds the port any more");
            zombie.State.Should().Be('Z', "it has not been waited for");
        });
    });

    [Claim("A07", "How a process dies - _exit(), exit(), return from main, SIGTERM, SIGSEGV, abort() without core, SIGKILL, SIGKILL of a stopped process - leaves the same TCP state and queue.")]
    [Note("Does kill -9 leave the connection in another state than a clean exit? No: the kernel closes the sockets of every dead process in the same way, and the peer cannot tell how it died. The difference is only what the program itself would have sent before.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit(): every path ends there, by do_group_exit() or get_signal()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exit.c exit1(), also from sigexit(); _exit and SIGKILL measured on 12.2 (transcript linger-and-death)")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1(), also from sigexit(); _exit and SIGKILL measured on 5.9 (transcript linger-and-death)")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_exit.c exit1(), also from sigexit(); _exit and SIGKILL measured on 7.3 and 8.0-beta (transcript writers-and-linger)")]
    [NetBSD(Holds, Inferred, "kern_exit.c 1.245 (2015)", "sys/kern/kern_exit.c exit1(), also from sigexit()")]
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
    [Note("A process is stuck in write() because its client does not read: will kill -9 end it, and what becomes of the data? It dies at once. What the kernel had already accepted is still sent if the client reads on; what write() had not yet handed over is lost.")]
    [Linux(Holds, Measured, "6.18", "net/core/stream.c sk_stream_wait_memory() is interruptible; net/ipv4/tcp.c __tcp_close()")]
    [FreeBSD(Holds, Measured, "12.2", "transcript linger-and-death, part H: zombie by +1 ms, Send-Q kept; sys/kern/uipc_sockbuf.c sbwait(): PCATCH")]
    [DragonFly(Holds, Measured, "5.9", "transcript linger-and-death, part H: zombie within 2 ms, Send-Q kept")]
    [OpenBSD(Holds, Measured, "7.3, 8.0-beta", "transcript further-deaths, part E: SDEAD at once, Send-Q 65432 kept")]
    [NetBSD(Holds, Inferred, "uipc_socket.c 1.301 (2022)", "sys/kern/uipc_socket.c sosend(): sbwait() can be interrupted; sys/kern/kern_exit.c exit1()")]
    public Task KilledInBlockedWriteDiesAtOnce(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect(plan: new PairPlan { PeerReceiveBuffer = 4096, VictimSendBuffer = 16 * 1024 });
        Victim victim = bed.Fork(pair);
        victim.BlockInWrite(5 * 1024 * 1024);
        bed.Control(
            "the peer's window is closed, and the writer is inside write() and alive",
            bed.Await(() => pair.VictimEnd.WaitsForRoom() && victim.IsBlocked()) && !victim.IsWaitable());
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

    [Claim("A09", "SIGSTOP is not a death: the connection stays ESTABLISHED, and the kernel goes on acknowledging and sending queued data.")]
    [Note("A process is stopped, or frozen in a debugger: do clients notice? Not from TCP: the kernel goes on acknowledging what they send until the receive buffer is full, and sends what was queued. Only a timeout of the application tells a stopped server from a slow one.")]
    [Linux(Holds, Measured, "6.18", "kernel/signal.c do_signal_stop() touches no files; net/ipv4/tcp_input.c tcp_rcv_established() asks for no process")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_sig.c sig_suspend_threads(), sys/kern/kern_thread.c thread_suspend_switch(): no path from stop to close")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/kern_sig.c proc_stop(): no path from stop to close")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/kern_sig.c: no path from stop to close")]
    [NetBSD(Holds, Inferred, "kern_exit.c 1.245 (2015)", "sys/kern/kern_sig.c: no path from a stop to soclose()")]
    public Task StoppedProcessKeepsConnection(Ip ip) => Bench.Decide(ip, bed =>
    {
        const int Queued = 64 * 1024;
        var plan = new PairPlan { PeerReceiveBuffer = 16 * 1024, VictimSendBuffer = 256 * 1024 };
        Pair pair = bed.Connect(plan: plan);
        Pair other = bed.Connect("control", plan);
        Victim victim = bed.Fork(pair);
        Victim dying = bed.Fork(other);
        victim.Write(Queued);
        bed.Control("not all of it is sent: the peer's window is closed", pair.VictimEnd.Await(pair.VictimEnd.WaitsForRoom).SendQueue > 0);

        victim.Stop();
        dying.Kill();
        bed.Control("a death does end a connection", other.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        IoResult read = pair.PeerEnd.Read(Queued);
        SocketSeen sent = pair.VictimEnd.Await(seen => seen.SendQueue == 0);
        pair.PeerEnd.Write(6);
        SocketSeen acknowledged = pair.PeerEnd.Await(seen => seen.SendQueue == 0);
        SocketSeen after = pair.VictimEnd.Look();
        bed.Control("it was stopped all the time", victim.Look().State == 'T');
        bed.Look("the victim is stopped");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(Queued, "the kernel sends what was queued");
            read.IsIntact.Should().BeTrue();
            sent.SendQueue.Should().Be(0);
            acknowledged.SendQueue.Should().Be(0, "the kernel acknowledges what the peer sends");
            after.ReceiveQueue.Should().Be(6, "it waits to be read");
            after.State.Should().Be(ESTABLISHED);
        });
    });

    [Claim("A10", "While a crashed process is dumping core its sockets are open: no FIN leaves before the dump has ended.")]
    [Note("Why does the client of a crashed server hang for seconds before it sees the end? Because the core dump comes first, and the sockets stay open until it is written. A big core on a slow disk or a slow core_pattern helper delays every failover that waits for the FIN.")]
    [Lab("a core_pattern that pipes to a slow helper, which is machine-wide; here the dump is held before it writes")]
    [Linux(Holds, Measured, "6.18", "kernel/signal.c get_signal(): vfs_coredump() before do_group_exit(); kernel/exit.c do_exit(): exit_files()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_sig.c sigexit(): coredump() before exit1()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/kern_sig.c sigexit(): coredump() before exit1()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/kern_sig.c sigexit(): coredump() before exit1()")]
    [NetBSD(Holds, Inferred, "kern_sig.c 1.256.2.2 (2008)", "sys/kern/kern_sig.c sigexit(): the core is written before exit1()")]
    public Task CoreDumpDelaysFin(Ip ip, [Each(Sigsegv, Abort)] DeathPath crash) => Bench.Decide(ip, bed =>
        DumpDelaysFin(bed, crash, victim => victim.HoldCoreDump(), coreless: crash));

    [Claim("A14", "While the helper that reads the core of a crashed process has not ended, its sockets are open: no FIN leaves.")]
    [Note("A collector of cores such as systemd-coredump gets them through a pipe, and compresses them: until it is done the crashed server's connections stay ESTABLISHED, and its clients wait. kernel.core_pipe_limit makes the kernel wait for the helper's end; with 0 it waits only until the core has been read.")]
    [LabOnly("kernel.core_pattern with a slow helper, which is machine-wide")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "fs/coredump.c do_coredump(): the pipe to the helper, then wait_for_dump_helpers() where core_pipe_limit is not 0; kernel/exit.c do_exit() comes after it")]
    [FreeBSD(NotApplicable, "cores go to files, core(5)")]
    [DragonFly(NotApplicable, "cores go to files, core(5)")]
    [OpenBSD(NotApplicable, "cores go to files, core(5)")]
    [NetBSD(NotApplicable, "cores go to files, core(5)")]
    public Task CoreHelperDelaysFin(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { NeedsMachineOfItsOwn = true }, bed =>
        DumpDelaysFin(bed, Sigsegv, victim => victim.HoldCoreHelper(), coreless: Sigkill));

    [Claim("A11", "When a process dies, the FINs of its connections leave in the ascending order of its descriptors.")]
    [Note("A process with many connections dies: which peer hears of it first? On Linux the one with the highest descriptor, because the last closed is the first let go of; on FreeBSD and OpenBSD the one with the lowest. Do not build on either.")]
    [Linux(DoesNotHold, Measured, "6.18", "fs/file.c close_files() goes upward, but fput() defers to task_work, and kernel/task_work.c task_work_run() does the last added first")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c fdescfree_fds(): upward, closing in place")]
    [DragonFly(Unknown, "sys/kern/kern_descrip.c fdfree() goes upward, but one protocol thread a CPU sends, and the order between those is open")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdfree(): upward, closing in place")]
    [NetBSD(Holds, Source, "kern_descrip.c 1.229 (2015)", "sys/kern/kern_descrip.c fd_free(): upward, closef() in place")]
    public Task ExitClosesDescriptorsAscending(Ip ip) => Bench.Decide(ip, bed =>
    {
        const int Many = 10;
        IReadOnlyList<Pair> pairs = bed.Connect(Many);
        Victim victim = bed.Fork([.. pairs]);
        int[] descriptors = [.. pairs.Select(pair => victim.Descriptor(pair))];
        bed.Control("the process has them in the order in which they were connected", victim.LookAtDescriptors().SequenceEqual(descriptors));

        victim.Kill();
        bed.Control("all peers meet the FIN", pairs.All(pair => pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2));
        bed.Control("all FINs have crossed the path", pairs.All(pair => pair.FromVictim.HasFin));
        int[] order = [.. FinsOf(bed, pairs).Select(pair => victim.Descriptor(pair))];
        bed.Look("before wait()");
        victim.Reap();

        return Answer
            .Holds(() => order.Should().Equal(descriptors))
            .DoesNotHold("they leave in the descending order", () => order.Should().Equal(descriptors.Reverse()));
    });

    [Claim("A12", "When only the main thread has ended and another thread lives, sockets stay open and the process cannot be reaped.")]
    [Note("A process is shown as defunct and still holds its port: how can that be? Only its main thread has ended, and another thread lives on with all the sockets. It cannot be reaped before that one has ended too, so kill the process.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c wait_consider_task() with delay_group_leader(); exit_files() drops one reference of a shared files_struct")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_thr.c kern_thr_exit(): the process goes on while it has a thread")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/kern_exit.c: an LWP's exit is not its process's")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "regress/sys/kern/main-thread-exited; sys/kern/kern_exit.c exit1() with EXIT_THREAD: the first thread sleeps on thrdeath, before fdfree(), while there is another")]
    [NetBSD(Holds, Inferred, "kern_exit.c 1.245 (2015)", "sys/kern/kern_exit.c exit1() is for the last thread; lwp_exit() of another leaves the descriptors")]
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
    [Note("Is everything that ps shows as Z dead? Not on Linux: a process whose main thread has ended looks like a zombie while its other threads go on serving. Look below /proc/PID/task for living threads.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c exit_notify(): the leader stays EXIT_ZOMBIE until its group is empty; proc_pid_stat(5)")]
    [FreeBSD(DoesNotHold, Inferred, "13.0", "sys/kern/kern_proc.c: the state is the process's, PRS_NORMAL while a thread lives")]
    [DragonFly(DoesNotHold, Inferred, "5.9", "sys/kern/kern_kinfo.c: the state is the process's")]
    [OpenBSD(DoesNotHold, Source, "kern_sysctl.c 1.482 (2025)", "sys/kern/kern_sysctl.c fill_kproc(): the best state of all ps_threads; sys/kern/kern_exit.c exit1() takes a thread that ends out of these first")]
    [NetBSD(Unknown, "which thread ps(1) asks for the state has not been read")]
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

    // Retransmissions come ten times sooner than by default, so that an orphan that may give up does so soon.
    private static TestbedPlan GivingUpSoon(Ip ip) => new(ip, Topology.Loopback)
    {
        AwaitsRetransmissions = true,
        Settings = new Dictionary<string, string> { ["net.ipv4.tcp_rto_min_us"] = "20000" },
    };

    // By the kernel's stamps, which are put on when a segment is sent: a busy machine may hand over later what was sent on another
    // processor.
    private static IEnumerable<Pair> FinsOf(Testbed bed, IReadOnlyList<Pair> pairs) => bed.Captured
        .Where(segment => segment.Flags.HasFlag(TcpFlags.FIN))
        .OrderBy(segment => segment.Nanoseconds)
        .Select(segment => pairs.FirstOrDefault(pair => pair.VictimEnd.Tuple == segment.Tuple))
        .OfType<Pair>()
        .Distinct();

    private static Answer DumpDelaysFin(Testbed bed, DeathPath crash, Func<Victim, CoreDump> hold, DeathPath coreless)
    {
        Pair pair = bed.Connect();
        Pair control = bed.Connect("control");
        Victim victim = bed.Fork(pair);
        Victim other = bed.Fork(control);
        CoreDump dump = hold(victim);

        victim.Die(crash, deadline: TimeSpan.Zero);
        dump.AwaitBegin();
        other.Die(coreless);
        bed.Control(
            "a death without a core, though it came later, has been met by the peer as FIN",
            control.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && control.FromVictim.HasFin);
        SocketSeen meanwhile = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bool isWaitable = victim.IsWaitable();
        bed.Look("while the core is dumped");

        dump.LetGo();
        bed.Control("once the dump has ended, the process is dead", victim.AwaitDeath());
        SocketSeen after = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the dump, before wait()");
        bed.Control("and wait() tells of a core", victim.Reap().DumpedCore);

        return Answer.Holds(() =>
        {
            meanwhile.State.Should().Be(ESTABLISHED);
            meanwhile.Owners.Should().Equal([victim.Name], "its descriptor is open");
            finWasSent.Should().BeFalse();
            isWaitable.Should().BeFalse("it is not dead yet");
            after.State.Should().Be(FIN_WAIT_2, "then the FIN leaves");
        });
    }
}
