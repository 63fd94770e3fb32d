namespace Zocket.Conformance;

[Family("L", "Other deaths, and who reaps")]
public sealed class OtherDeaths
{
    private const string NoSeccomp = "there is no seccomp; Capsicum refuses a call with ECAPMODE and lets the process live, capsicum(4)";

    private const string NoNamespaces = "a jail has no init process whose death would end it; jail(8)";

    [Claim("L01", "A process that the kernel kills for a forbidden system call leaves the same TCP state and queue as one that calls _exit().")]
    [Note("The sandbox killed my worker: what did its clients see? The same as after any death: the kernel closes the sockets in order and goes on sending what was written.")]
    [Linux(Holds, Measured, "6.18", "kernel/seccomp.c __seccomp_filter(): SECCOMP_RET_KILL_PROCESS ends in do_group_exit() or get_signal(), and both in do_exit()")]
    [FreeBSD(NotApplicable, NoSeccomp)]
    [DragonFly(NotApplicable, "there is neither seccomp nor pledge")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_pledge.c pledge_fail(): SIGABRT that cannot be caught, then exit1() as after any signal")]
    public Task SandboxKillLeavesSameOrphan(Ip ip) => Bench.Decide(ip, bed =>
        LikeAnyDeath(bed, Signals.SIGSYS, victim =>
        {
            victim.ForbidOnPainOfDeath("getppid");
            return victim.DieOf("makes the forbidden call", Call.To("getppid"));
        }));

    [Claim("L02", "A process that a timer or a limit of its own kills leaves the same TCP state and queue as one that calls _exit().")]
    [Note("A log file reached its ulimit, or an alarm() went off, and the server was gone without a word in its log. For its connections that is a death like any other: data first, then the end of the stream.")]
    [Linux(Holds, Measured, "6.18", "kernel/signal.c get_signal(): do_group_exit(); mm/filemap.c generic_write_checks_count() sends SIGXFSZ, kernel/time/itimer.c it_real_fn() SIGALRM")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_sig.c sigexit(), whatever the signal; sys/kern/kern_exit.c exit1()")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_sig.c sigexit(), whatever the signal; sys/kern/kern_exit.c exit1()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_sig.c sigexit(), whatever the signal; sys/kern/kern_exit.c exit1()")]
    public Task OwnLimitLeavesSameOrphan(Ip ip, [Each("an alarm", "the file size limit")] string killer) => Bench.Decide(ip, bed =>
        killer == "an alarm"
            ? LikeAnyDeath(bed, Signals.SIGALRM, DieOfAlarm)
            : LikeAnyDeath(bed, Signals.SIGXFSZ, DieOfFileSize));

    [Claim("L03", "A process killed by SIGPIPE on one connection closes its other connections in order: their peers get all data and FIN.")]
    [Note("One client hung up, and all others lost their connection: an uncaught SIGPIPE kills the whole server. The others do get everything that had been written for them, and then an ordinary end of the stream, so nothing in their logs looks like a crash. Ignore SIGPIPE, or send with MSG_NOSIGNAL.")]
    [Linux(Holds, Measured, "6.18", "net/core/stream.c sk_stream_error() sends SIGPIPE; kernel/exit.c do_exit()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/sys_socket.c soo_write() sends SIGPIPE; sys/kern/kern_exit.c exit1()")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/sys_generic.c dofilewrite() sends SIGPIPE; sys/kern/kern_exit.c exit1()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/sys_generic.c dofilewritev() sends SIGPIPE; sys/kern/kern_exit.c exit1()")]
    public Task SigpipeClosesHealthyConnectionsInOrder(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair healthy = bed.Connect("healthy");
        Pair broken = bed.Connect("broken");
        Pair kept = bed.Connect("control");
        Pair brokenToo = bed.Connect("control, broken");
        Victim victim = bed.Fork(healthy, broken);
        Victim careful = bed.Fork(kept, brokenToo);
        careful.Ignore(Signals.SIGPIPE);
        victim.Write(10, healthy);
        careful.Write(10, kept);
        broken.PeerEnd.Reset();
        brokenToo.PeerEnd.Reset();
        bed.Control("both resets have arrived", broken.VictimEnd.Await(None).IsGone && brokenToo.VictimEnd.Await(None).IsGone);
        bed.Control("the data on the others is acknowledged", kept.VictimEnd.Await(seen => seen.SendQueue == 0).SendQueue == 0);

        careful.AttemptWrite(1, brokenToo);
        bed.Control("a process that ignores SIGPIPE gets EPIPE instead", careful.AttemptWrite(1, brokenToo).Error == Errno.EPIPE);
        Call write = new(CallKind.Write, victim.Descriptor(broken), 1);
        victim.DieOf("writes twice to the broken connection", write, write);
        bed.Control("it died of SIGPIPE", victim.Reap().Signal == Signals.SIGPIPE);
        SocketSeen closed = healthy.VictimEnd.Await(FIN_WAIT_2);
        IoResult read = healthy.PeerEnd.Read();
        bed.Control("the connection of the process that ignores it is still ESTABLISHED", kept.VictimEnd.Look().State == ESTABLISHED);
        bed.Look("one has died of SIGPIPE, the other ignores it");

        return Answer.Holds(() =>
        {
            closed.State.Should().Be(FIN_WAIT_2);
            read.Bytes.Should().Be(10);
            read.EndOfStream.Should().BeTrue();
            healthy.FromVictim.HasReset.Should().BeFalse();
        });
    });

    [Claim("L04", "The first write() after the peer's reset fails with ECONNRESET and kills nobody; only the next one brings SIGPIPE.")]
    [Note("Why did it die only sometimes? On Linux the first write after a reset only fails with ECONNRESET, and the second kills; on the BSDs the first kills. So a server that closes at the first error seems safe on Linux, and dies on a BSD.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_input.c tcp_reset() sets sk_err; net/core/stream.c sk_stream_error(): the waiting error comes first, and only EPIPE brings SIGPIPE")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/kern/uipc_socket.c sosend_generic(): SBS_CANTSENDMORE, which is EPIPE, is looked at before so_error")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/kern/uipc_socket.c sosendtcp(): SS_CANTSENDMORE, which is EPIPE, is looked at before so_error")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c sosend(): SS_CANTSENDMORE, which is EPIPE, is looked at before so_error")]
    public Task FirstWriteAfterResetDoesNotKill(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair open = bed.Connect("control");
        Victim victim = bed.Fork(pair, open);
        Call write = new(CallKind.Write, victim.Descriptor(pair), 1);
        pair.PeerEnd.Reset();
        bed.Control("the reset has arrived", pair.VictimEnd.Await(None).IsGone);
        bed.Control("a write to a connection that was not reset succeeds", victim.Write(1, open) == 1);

        Returned? first = victim.AttemptAtItsRisk("the first write(1)", write);
        Returned? second = first is null ? null : victim.AttemptAtItsRisk("the second write(1)", write);
        bed.Control("no process survives both", victim.AwaitDeath());
        ExitStatus status = victim.Reap();
        open.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after both writes");

        return Answer
            .Holds(() =>
            {
                first.Should().NotBeNull();
                first!.Error.Should().Be(Errno.ECONNRESET);
                second.Should().BeNull();
                status.Signal.Should().Be(Signals.SIGPIPE);
            })
            .DoesNotHold("the first write is the end of it", () =>
            {
                first.Should().BeNull();
                status.Signal.Should().Be(Signals.SIGPIPE);
            });
    });

    [Claim("L05", "A kill(pid, 0) finds a process that is dead but not reaped, although its connection has already got FIN.")]
    [Note("A check by kill -0 says that the server runs, and its port answers nobody: a zombie still answers to its number. Only its parent's wait() takes that away; ask a pidfd, kqueue or the port instead.")]
    [Linux(Holds, Measured, "6.18", "kernel/signal.c kill_something_info(), check_kill_permission(): the struct pid is there until release_task()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_sig.c kern_kill(): pfind_any() finds zombies too")]
    [DragonFly(Holds, Measured, "5.9", "transcript what-a-zombie-answers: kill(zombie, 0) is 0, after wait4() ESRCH")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_sig.c sys_kill(): zombiefind() before ESRCH")]
    public Task KillZeroFindsTheDead(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim victim = bed.Fork(pair);
        Victim check = bed.ForkBystander();
        Call killZero = Call.To("kill", victim.Pid, 0);

        victim.Kill();
        SocketSeen closed = pair.VictimEnd.Await(FIN_WAIT_2);
        Returned whileZombie = check.Attempt("kill(victim, 0), of a zombie,", killZero);
        bed.Look("dead, before wait()");
        victim.Reap();
        Errno afterwards = check.AttemptAtItsRisk("kill(victim, 0), of nobody,", killZero)!.Error;
        bed.Look("after wait()");

        return Answer.Holds(() =>
        {
            closed.State.Should().Be(FIN_WAIT_2, "its peer has long been told");
            whileZombie.Error.Should().Be(Errno.None, "its number is still taken");
            afterwards.Should().Be(Errno.ESRCH);
        });
    });

    [Claim("L06", "Where the parent ignores SIGCHLD, a dead child leaves no zombie, and its connection stays in FIN_WAIT_1 with its data all the same.")]
    [Note("No zombie anywhere, so whose connection is that in FIN_WAIT_1? Of a process that is gone without a trace: with SIGCHLD ignored the kernel reaps by itself, and it does not wait for a connection to do so.")]
    [Linux(Holds, Measured, "6.18", "kernel/signal.c do_notify_parent(): autoreap under SIG_IGN; kernel/exit.c exit_notify(), release_task()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exit.c exit1(): PS_NOCLDWAIT or PS_CLDSIGIGN gives the child to the reaper")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1(): PS_NOCLDWAIT or PS_CLDSIGIGN gives the child to the reaper")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_exit.c exit1(): SAS_NOCLDWAIT sets PS_NOZOMBIE")]
    public Task IgnoredSigchldLeavesOrphanWithoutZombie(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim careless = bed.Fork(pair);
        Victim ordinary = bed.Fork(other);
        Victim child = careless.Fork();
        Victim childToo = ordinary.Fork();
        careless.KeepOnly();
        ordinary.KeepOnly();
        careless.Ignore(Signals.SIGCHLD);
        pair.Hush();
        other.Hush();
        child.Write(10);
        childToo.Write(10);

        childToo.Kill();
        child.Kill();
        bool isGone = bed.Await(() => child.Look().IsGone);
        bool wouldFindIt = careless.CanReap(child);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Control("the child of the ordinary parent is a zombie it can reap", childToo.Look().State == 'Z' && ordinary.CanReap(childToo));
        bed.Look("both children are dead, and nobody has waited");

        return Answer.Holds(() =>
        {
            isGone.Should().BeTrue("nobody is to be told");
            wouldFindIt.Should().BeFalse();
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().Be(10);
            orphan.Owners.Should().BeEmpty();
        });
    });

    [Claim("L07", "A zombie that its subreaper never reaps outlives its connection: all data, both FINs and TIME_WAIT come and it is still there.")]
    [Note("My container is full of zombies: do they hold connections? No. A PID 1 or supervisor that does not wait() keeps only process table entries; the connections of the dead have gone their way long before.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c find_new_reaper(): has_child_subreaper; exit_files() before exit_notify()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_procctl.c reap_acquire(), which leaves out children that are there already; sys/kern/kern_exit.c exit1(): fdescfree() before PRS_ZOMBIE")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_fork.c fork1(): a child has the reaper that its parent has then; sys/kern/kern_exit.c exit1(): fdfree() before proc_move_allproc_zombie()")]
    [OpenBSD(NotApplicable, "there are no subreapers: init(8) adopts, and always waits")]
    public Task UnreapedZombieOutlivesItsConnection(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { LeavesTimeWait = true }, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim supervisor = bed.Fork(pair);

        // Before it forks: on the BSDs whom it has forked already stays init's to adopt.
        supervisor.AdoptOrphans();
        Victim parent = supervisor.Fork();
        Victim worker = parent.Fork();
        Victim plain = bed.Fork(other);
        Victim workerOfPlain = plain.Fork();
        supervisor.KeepOnly();
        parent.KeepOnly();
        plain.KeepOnly();
        parent.Kill();
        plain.Kill();
        bed.Control("the worker lives on without the parent that forked it", !worker.IsWaitable() && pair.VictimEnd.Look().State == ESTABLISHED);
        worker.Write(10);

        workerOfPlain.Kill();
        bed.Control("where nobody but init adopts, the zombie is reaped at once", bed.Await(() => workerOfPlain.Look().IsGone));
        worker.Exit();
        IoResult read = pair.PeerEnd.Read();
        pair.PeerEnd.Close();
        SocketSeen last = pair.VictimEnd.Await(TIME_WAIT);
        ProcessSeen zombie = worker.Look();
        bool isThere = supervisor.CanReap(worker);
        other.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("the connection is over, the zombie is not");
        supervisor.ReapWhoIsDead(worker);
        bed.Look("after the supervisor's wait()");

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(10);
            read.EndOfStream.Should().BeTrue();
            last.State.Should().Be(TIME_WAIT, "nothing is left to be done");
            zombie.State.Should().Be('Z');
            isThere.Should().BeTrue("its adoptive parent has not waited");
        });
    });

    [Claim("L08", "When the init of a PID namespace dies, its parent can learn of it only after every connection of every process in it was closed.")]
    [Note("I killed the container: are its connections closed when the runtime says it has exited? Yes. The kernel kills everything in it and waits until all of it is dead before PID 1 of the container is.")]
    [Linux(Holds, Measured, "6.18", "kernel/pid_namespace.c zap_pid_ns_processes(), called by kernel/exit.c exit_notify() through find_child_reaper()")]
    [FreeBSD(NotApplicable, NoNamespaces)]
    [DragonFly(NotApplicable, NoNamespaces)]
    [OpenBSD(NotApplicable, "there are neither PID namespaces nor jails")]
    public Task NamespaceDiesBeforeItsInitIsWaitable(Ip ip, Notice notice) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair outside = bed.Connect("control");
        Victim runtime = bed.Fork(pair, outside);
        Victim neighbour = runtime.Fork();
        Victim init = runtime.Fork(ForkKind.NamespaceInit);
        Victim parent = init.Fork();
        Victim worker = parent.Fork();
        runtime.KeepOnly();
        neighbour.KeepOnly(outside);
        init.KeepOnly();
        parent.KeepOnly();
        worker.KeepOnly(pair);
        pair.Hush();
        worker.Write(10, pair);
        bed.Control("only the worker, init's grandchild, holds the connection", pair.VictimEnd.Look() is { State: ESTABLISHED, Owners: [var owner] } && owner == worker.Name);

        SocketSeen atFirstNotice = runtime.KillChildAndLookAtFirst(notice, pair);
        bed.Control("the ten bytes are not acknowledged", atFirstNotice.SendQueue == 10);
        ProcessSeen dead = worker.Look();
        bed.Control("a process of the same parent outside lives, and so does its connection", !neighbour.IsWaitable() && outside.VictimEnd.Look().State == ESTABLISHED);
        bed.Look("after the first notice, before wait()");

        return Answer.Holds(() =>
        {
            atFirstNotice.State.Should().Be(FIN_WAIT_1, "init's parent looked as soon as it could know");
            dead.IsGone.Should().BeTrue("init is not dead before all others are, and reaped");
        });
    });

    [Claim("L09", "A child that is to die with its parent (PR_SET_PDEATHSIG) dies when the thread that forked it ends, though the parent process lives on.")]
    [Note("My helper processes die, and their connections with them, while the server that started them runs: parent death is the death of the forking thread. Runtimes with thread pools end threads as they like; fork from a thread that stays.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c forget_original_parent(): pdeath_signal for the children of the thread that ends; prctl(2)")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/kern/kern_exit.c exit1() sends p_pdeathsig: that is the end of a process, not of a thread; procctl(2)")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/kern/kern_exit.c exit1() sends p_deathsig: that is the end of a process, not of an LWP")]
    [OpenBSD(NotApplicable, "there is no such signal")]
    public Task ParentDeathIsTheForkingThreads(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim parent = bed.Fork(pair, other);
        Victim thread = parent.StartThread();
        Victim ofThread = thread.Fork();
        Victim ofMain = parent.Fork();
        parent.KeepOnly();
        ofThread.KeepOnly(pair);
        ofMain.KeepOnly(other);
        ofThread.DieWithParent();
        ofMain.DieWithParent();
        bed.Control("both connections are ESTABLISHED", pair.VictimEnd.Look().State == ESTABLISHED && other.VictimEnd.Look().State == ESTABLISHED);

        thread.ExitThread();
        bool isDead = ofThread.AwaitDeath();
        SocketSeen seen = isDead ? pair.VictimEnd.Await(FIN_WAIT_2) : pair.VictimEnd.Look();
        bed.Control("the parent process lives, and so does the child of its main thread", !parent.IsWaitable() && !ofMain.IsWaitable() && other.VictimEnd.Look().State == ESTABLISHED);
        bed.Look("the forking thread has ended, its process lives");
        parent.Kill();
        bed.Control("the death of the whole process is one of its main thread too", ofMain.AwaitDeath() && other.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Await(() => ofThread.Look().IsGone && ofMain.Look().IsGone);
        bed.Look("the parent process is dead, and init has reaped what it left");

        return Answer
            .Holds(() =>
            {
                isDead.Should().BeTrue("its parent was that thread");
                seen.State.Should().Be(FIN_WAIT_2);
            })
            .DoesNotHold("it lives as long as the parent process", () =>
            {
                isDead.Should().BeFalse();
                seen.State.Should().Be(ESTABLISHED);
            });
    });

    [Claim("L10", "When its debugger dies, a process goes on, and so does its connection.")]
    [Note("I killed the strace or gdb that was attached to my server: was that safe? On Linux it was, even if the debugger had stopped it at that moment; it goes on, unless the debugger had asked for the opposite (PTRACE_O_EXITKILL). On the BSDs the server is killed with it.")]
    [Linux(Holds, Measured, "6.18", "kernel/ptrace.c exit_ptrace(): __ptrace_detach(), SIGKILL only under PT_EXITKILL; ptrace(2)")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/kern/kern_exit.c exit1(): SIGKILL to traced children under kern.kill_on_debugger_exit, which is 1; ptrace(2)")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/kern/kern_exit.c exit1(): SIGKILL to children with P_TRACED")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/kern/kern_exit.c exit1(): process_untrace(), then SIGKILL")]
    public Task DebuggersDeathSparesTheProcess(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim server = bed.Fork(pair);
        Victim bound = bed.Fork(other);
        Victim debugger = bed.ForkBystander();
        debugger.Debug(server);
        debugger.Debug(bound, killsOnExit: true);
        debugger.StopAsDebugger(server);

        debugger.Kill();
        bed.Control("a process that was to die with the debugger does", bound.AwaitDeath() && other.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bool goesOn = server.Answers();
        bool isDead = !goesOn && server.AwaitDeath();
        SocketSeen seen = isDead ? pair.VictimEnd.Await(FIN_WAIT_2) : pair.VictimEnd.Look();
        bed.Look("the debugger is dead");

        return Answer
            .Holds(() =>
            {
                goesOn.Should().BeTrue("it takes orders again");
                seen.State.Should().Be(ESTABLISHED);
                seen.Owners.Should().BeEquivalentTo(server.Name);
            })
            .DoesNotHold("the kernel kills it with its debugger", () =>
            {
                isDead.Should().BeTrue();
                seen.State.Should().Be(FIN_WAIT_2);
            });
    });

    [Claim("L11", "A process killed while its debugger has stopped it leaves its orphan at once, although its parent cannot wait for it before the debugger has.")]
    [Note("What does kill -9 do to a server under a hung debugger? Then ps shows it as defunct, and the supervisor does not notice and restarts nothing. The connections are closed all the same; end the debugger, and the supervisor gets its notice.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c wait_consider_task(): a zombie with a ptracer is the ptracer's; exit_files() long before")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/sys_process.c proc_reparent() to the debugger; sys/kern/kern_exit.c kern_wait6() only counts p_orphans")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/sys_process.c proc_reparent() to the debugger: the parent has no such child meanwhile")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/sys_process.c process_reparent() to the debugger; sys/kern/kern_exit.c dowait6() only counts ps_orphans")]
    public Task KilledUnderDebuggerIsOrphanedBeforeParentKnows(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim parent = bed.Fork(pair);
        Victim server = parent.Fork();
        Victim debugger = bed.ForkBystander();
        parent.KeepOnly();
        pair.Hush();
        server.Write(10);
        debugger.Debug(server);
        debugger.StopAsDebugger(server);
        parent.BlockInWaitFor(server);
        bed.Control("the connection is ESTABLISHED while the debugger holds its process", pair.VictimEnd.Look().State == ESTABLISHED);

        server.Kill();
        SocketSeen orphan = pair.VictimEnd.Look();
        ProcessSeen zombie = server.Look();
        bool parentKnows = parent.HasReturned();
        bed.Look("dead, and neither the debugger nor the parent has waited");
        debugger.ReapWhoIsDead(server);
        bed.Control("once the debugger has waited, the parent's wait() returns", parent.AwaitReturn() is { Error: Errno.None });
        bed.Look("the debugger has waited");

        return Answer.Holds(() =>
        {
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().Be(10);
            zombie.State.Should().Be('Z');
            parentKnows.Should().BeFalse("the debugger comes first");
        });
    });

    [Claim("L12", "SIGTERM does not end a stopped process: its connection stays ESTABLISHED until SIGCONT lets it die.")]
    [Note("I sent SIGTERM, it is still there, and its clients hang? A stopped process (T in ps) gets the signal only when it is continued; until then the kernel goes on acknowledging for it. SIGKILL needs no SIGCONT.")]
    [Linux(Holds, Measured, "6.18", "kernel/signal.c complete_signal(), wants_signal(): a stopped task is not woken but for SIGKILL; signal(7)")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_sig.c tdsendsignal(): P_STOPPED, the signal stays pending")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_sig.c lwpsignal(): SSTOP, the signal stays pending")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_sig.c ptsignal_locked(): SSTOP, the signal stays pending")]
    public Task StoppedProcessOutlivesSigterm(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair running = bed.Connect("control");
        Pair killed = bed.Connect("killed");
        Victim stopped = bed.Fork(pair);
        Victim other = bed.Fork(running);
        Victim stoppedToo = bed.Fork(killed);
        stopped.Stop();
        stoppedToo.Stop();

        stopped.BeSent(Signals.SIGTERM);
        bed.Control("a running process dies of SIGTERM", other.Die(Sigterm).IsWaitable && running.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Control("a stopped one dies of SIGKILL", stoppedToo.Kill().IsWaitable && killed.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bool isDead = stopped.IsWaitable();
        pair.PeerEnd.Write(6);
        SocketSeen between = pair.VictimEnd.Await(seen => seen.ReceiveQueue == 6);
        bool acknowledged = bed.Await(() => pair.FromPeer.AcknowledgedBytes == 6);
        bed.Look("SIGTERM is pending");
        stopped.BeSent(Signals.SIGCONT);
        bed.Control("SIGCONT lets it die of the SIGTERM that was pending", stopped.AwaitDeath() && stopped.Reap().Signal == Signals.SIGTERM);
        pair.PeerEnd.Await(seen => seen.State != ESTABLISHED);
        bed.Look("after SIGCONT");

        return Answer.Holds(() =>
        {
            isDead.Should().BeFalse("two others have died meanwhile");
            between.State.Should().Be(ESTABLISHED);
            between.ReceiveQueue.Should().Be(6, "the kernel goes on receiving for it");
            acknowledged.Should().BeTrue();
        });
    });

    [Claim("L13", "A process suspended in vfork() can be killed at once; its connection lives on in the child.")]
    [Note("The server hangs in posix_spawn() or system(), and kill -9 does nothing? On Linux it dies at once, and the child, stuck before its exec, still holds its connections. On the BSDs it dies only when the child has executed a program or ended.")]
    [Linux(Holds, Measured, "6.18", "kernel/fork.c wait_for_vfork_done(): TASK_KILLABLE")]
    [FreeBSD(DoesNotHold, Source, "13.0", "sys/kern/kern_fork.c fork_rfppwait(): cv_timedwait() on P_PPWAIT, no signal ends it")]
    [DragonFly(DoesNotHold, Source, "5.9", "sys/kern/kern_fork.c sys_vfork(), start_forked_proc(): tsleep(\"ppwait\") without PCATCH")]
    [OpenBSD(DoesNotHold, Source, "the snapshot of August 2026", "sys/kern/kern_fork.c fork1(): sleeps on \"ppwait\" without PCATCH")]
    public Task ParentSuspendedByVforkCanBeKilled(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim parent = bed.Fork(pair);
        Victim ordinary = bed.Fork(other);
        Victim child = parent.Fork(ForkKind.Vfork);
        bed.Control("the parent is suspended, and both hold the connection", bed.Await(parent.IsSuspendedByVfork) && pair.VictimEnd.Look().Owners.Count == 2);

        ordinary.Kill();
        parent.BeSent(Signals.SIGKILL);
        bool diesAtOnce = parent.AwaitDeath();
        bed.Control("the child is not dead, and has executed nothing: it takes orders", child.Answers());
        SocketSeen kept = pair.VictimEnd.Look();
        bed.Control("the connection of a process without child is closed by the same death", other.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Look("the parent was killed, the child lives");
        child.Exit();
        bed.Control("with the child's end the connection ends", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        parent.AwaitDeath();
        bed.Await(() => child.Look().IsGone);
        bed.Look("the child has ended, and init has reaped it");

        return Answer
            .Holds(() =>
            {
                diesAtOnce.Should().BeTrue("the child had not ended yet");
                kept.State.Should().Be(ESTABLISHED);
                kept.Owners.Should().BeEquivalentTo(child.Name);
            })
            .DoesNotHold("it dies when the child has ended", () =>
            {
                diesAtOnce.Should().BeFalse();
                kept.State.Should().Be(ESTABLISHED);
                kept.Owners.Should().BeEquivalentTo(parent.Name, child.Name);
            });
    });

    [Claim("L14", "When a thread that is not the first calls exec, the other threads die, and the connection stays ESTABLISHED in the new program under the same process id.")]
    [Note("Does an upgrade by exec from a worker thread drop connections? No: every other thread dies, even blocked in a call, but that is no death of the process. What is not close-on-exec goes over to the new program.")]
    [Linux(Holds, Measured, "6.18", "fs/exec.c de_thread(): the others are killed and the caller takes over the leader's id; unshare_files() before do_close_on_exec()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exec.c pre_execve(): thread_single(SINGLE_BOUNDARY)")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exec.c kern_execve(): killalllwps(1)")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_exec.c sys_execve(): single_thread_set()")]
    public Task ExecByOneThreadKeepsConnection(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Victim server = bed.Fork(pair);
        Victim thread = server.StartThread();
        server.Begin("read(1) blocks", new Call(CallKind.Read, server.Descriptor(), 1));
        bed.Control("the first thread sleeps in read()", server.IsBlocked());

        thread.ExecWriter();
        IoResult read = pair.PeerEnd.Read(1);
        bool isDead = server.IsWaitable();
        SocketSeen kept = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        pair.PeerEnd.Write(6);
        SocketSeen unread = pair.VictimEnd.Await(seen => seen.ReceiveQueue == 6);
        bed.Look("the new program has stopped");
        server.Kill();
        bed.Control("what the death of the new program ends is the connection", pair.PeerEnd.Await(seen => seen.State != ESTABLISHED).State != ESTABLISHED);

        return Answer.Holds(() =>
        {
            read.Bytes.Should().Be(1, "the new program writes where the old one did");
            isDead.Should().BeFalse();
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEquivalentTo(server.Name);
            finWasSent.Should().BeFalse();
            unread.ReceiveQueue.Should().Be(6, "nobody sleeps in the old read() any more");
        });
    });

    [Claim("L15", "When a login shell is killed, the kernel ends its foreground job but not its background job, whose connection stays ESTABLISHED.")]
    [Note("I closed the ssh session: does the server I had started with & die? The kernel sends SIGHUP to the foreground group only. What kills background jobs is a shell that lives long enough to send SIGHUP itself, and that is what nohup and disown are for.")]
    [Linux(Holds, Measured, "6.18", "drivers/tty/tty_jobctrl.c disassociate_ctty(): SIGHUP to the terminal's foreground group, tty_get_pgrp()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_proc.c killjobc(): tty_signal_pgrp() of the foreground group")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1(): pgsignal() of t_pgrp, the foreground group")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_proc.c killjobc(): pgsignal() of t_pgrp, the foreground group")]
    public Task BackgroundJobOutlivesItsShell(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect("background");
        Pair front = bed.Connect("foreground");
        Victim sshd = bed.Fork(pair, front);
        Victim shell = sshd.Fork();
        shell.LogInAt(sshd.OpenTerminal());
        Victim background = shell.Fork();
        Victim foreground = shell.Fork();
        background.GoToBackground();
        sshd.KeepOnly();
        shell.KeepOnly();
        foreground.KeepOnly(front);
        background.KeepOnly(pair);

        shell.Kill();
        bed.Control("the foreground job dies of it", foreground.AwaitDeath() && front.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bool goesOn = background.Answers();
        SocketSeen kept = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Await(() => foreground.Look().IsGone);
        bed.Look("the shell was killed");
        background.Kill();
        bed.Control("the background job's own death is met by the peer as FIN", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);

        return Answer.Holds(() =>
        {
            goesOn.Should().BeTrue("no signal came");
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEquivalentTo(background.Name);
            finWasSent.Should().BeFalse();
        });
    });

    [Claim("L16", "When one thread calls _exit(), another that is blocked in write() dies with it at once, and the bytes already accepted stay in the orphan's queue.")]
    [Note("Can a worker that is stuck in write() to a slow client keep the server from exiting? No: the end of the process ends every blocked call on a socket. What write() had handed over is sent by the kernel; the rest of that write is lost.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_group_exit(), zap_other_threads(); net/core/stream.c sk_stream_wait_memory() ends with a signal")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exit.c exit1(): thread_single(SINGLE_EXIT); sys/kern/uipc_sockbuf.c sbwait(): PCATCH")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1(): killalllwps(0); sys/kern/uipc_socket2.c ssb_wait(): PCATCH")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_exit.c exit1(): single_thread_set(); sys/kern/uipc_socket2.c sbwait(): PCATCH")]
    public Task ExitEndsAnotherThreadsBlockedWrite(Ip ip) => Bench.Decide(ip, bed =>
    {
        var small = new PairPlan { PeerReceiveBuffer = 4096, VictimSendBuffer = 16 * 1024 };
        Pair pair = bed.Connect(plan: small);
        Pair other = bed.Connect("control", small);
        Victim server = bed.Fork(pair, other);
        Victim thread = server.StartThread();
        thread.BlockInWrite(5 * 1024 * 1024, pair);
        bed.Control(
            "the peer's window is closed, and the second thread is inside write()",
            bed.Await(() => pair.VictimEnd.WaitsForRoom() && thread.IsBlocked()) && !server.IsWaitable());
        long accepted = bed.Name(pair.VictimEnd.Look().SendQueue, "what the kernel had accepted");
        bed.Name(pair.PeerEnd.Look().ReceiveQueue, "a full receive buffer");

        Death death = server.Exit(7);
        SocketSeen orphan = pair.VictimEnd.Look();
        bed.Control("its other connection gets FIN", other.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Look("before wait()");
        ExitStatus status = server.Reap();

        return Answer.Holds(() =>
        {
            death.Latency.Should().BeLessThan(TimeSpan.FromSeconds(2), "the peer never made room, and the exit did not wait for it");
            status.Code.Should().Be(7);
            orphan.State.Should().Be(FIN_WAIT_1);
            orphan.SendQueue.Should().Be(accepted);
        });
    });

    [Claim("L17", "The killed init of a PID namespace cannot be waited for while a zombie in the namespace waits for a parent outside, though every connection in it has long been closed.")]
    [Note("When docker stop hangs and the container is shown as running, do its clients still have their connections? No. Somebody entered the container (docker exec, nsenter), that process is dead and its parent outside does not wait for it, and so PID 1 cannot finish dying. Make that parent wait, or end it.")]
    [Linux(Holds, Measured, "6.18", "kernel/pid_namespace.c zap_pid_ns_processes() sleeps until pid_allocated is down; kernel/exit.c exit_files() comes before")]
    [FreeBSD(NotApplicable, NoNamespaces)]
    [DragonFly(NotApplicable, NoNamespaces)]
    [OpenBSD(NotApplicable, "there are neither PID namespaces nor jails")]
    public Task DeadNamespaceWaitsForItsLastZombie(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim runtime = bed.Fork(pair);
        Victim otherRuntime = bed.Fork(other);
        Victim otherInit = otherRuntime.Fork(ForkKind.NamespaceInit);
        Victim init = runtime.Fork(ForkKind.NamespaceInit);
        Victim entered = runtime.Fork(ForkKind.IntoNamespace);
        Victim worker = init.Fork();
        runtime.KeepOnly();
        otherRuntime.KeepOnly();
        init.KeepOnly();
        entered.KeepOnly();

        init.BeSent(Signals.SIGKILL);
        bed.Control("the process that had entered is killed with all others", entered.AwaitDeath());
        bool workerIsGone = bed.Await(() => worker.Look().IsGone);
        SocketSeen closed = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Control("a namespace into which nobody went dies at once", otherInit.Kill().IsWaitable && other.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bool isWaitable = init.IsWaitable();
        bed.Look("killed; who had entered is a zombie");
        runtime.ReapNext();
        bed.Control("once that zombie is reaped, init can be waited for", init.AwaitDeath());
        bed.Look("the zombie is reaped");

        return Answer.Holds(() =>
        {
            isWaitable.Should().BeFalse("another namespace has died meanwhile");
            workerIsGone.Should().BeTrue();
            closed.State.Should().Be(FIN_WAIT_2);
        });
    });

    [Claim("L18", "A wait() tells the same of a process whether its last data was delivered, is still queued or was thrown away.")]
    [Note("Exit status 0, so the reply got through? It says nothing about that. Nobody is left to whom the kernel could report what became of the data; if you must know, have the peer confirm before you exit.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c do_exit() takes the code before exit_files(), which returns nothing")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exit.c exit1() takes the status as its argument; fdescfree() returns nothing")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1() takes the status as its argument; fdfree() returns nothing")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_exit.c exit1() takes the status as its argument; fdfree() returns nothing")]
    public Task ExitStatusSaysNothingAboutData(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair queued = bed.Connect("queued");
        Pair delivered = bed.Connect("delivered");
        Pair dropped = bed.Connect("dropped");
        Victim ofQueued = bed.Fork(queued);
        Victim ofDelivered = bed.Fork(delivered);
        Victim ofDropped = bed.Fork(dropped);
        queued.Hush();
        dropped.Hush();
        ofDropped.SetLinger(0, dropped);
        ofQueued.Write(10);
        ofDelivered.Write(10);
        ofDropped.Write(10);

        ofQueued.Exit(3);
        ofDelivered.Exit(3);
        ofDropped.Exit(3);
        bed.Control("one peer has got the data and the end of the stream", delivered.PeerEnd.Read() is { Bytes: 10, EndOfStream: true });
        bed.Control("the data for another is still queued", queued.VictimEnd.Look() is { State: FIN_WAIT_1, SendQueue: 10 });
        bed.Control("the data for the third is gone with its connection, which was reset", dropped.VictimEnd.Look().IsGone && bed.Await(() => dropped.FromVictim.HasReset));
        delivered.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("before wait()");
        ExitStatus[] told = [ofQueued.Reap(), ofDelivered.Reap(), ofDropped.Reap()];

        return Answer.Holds(() => told.Should().AllBeEquivalentTo(new ExitStatus(3, null)));
    });

    [Claim("L19", "A child that asks to die with its parent (PR_SET_PDEATHSIG) only after that one has died lives on, and so does its connection.")]
    [Note("Why do helpers survive although each asks to die with its parent? Between fork and that request the parent may die, and no signal is sent for what has happened before. Compare getppid() with the parent's number right after asking.")]
    [Linux(Holds, Measured, "6.18", "kernel/exit.c forget_original_parent() sends it at the parent's end; kernel/sys.c prctl() only takes the number down")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_exit.c exit1() sends p_pdeathsig at the parent's end; procctl(2)")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_exit.c exit1() sends p_deathsig at the parent's end")]
    [OpenBSD(NotApplicable, "there is no such signal")]
    public Task ParentDeathSignalAskedForTooLateNeverComes(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim parent = bed.Fork(pair);
        Victim otherParent = bed.Fork(other);
        Victim late = parent.Fork();
        Victim inTime = otherParent.Fork();
        parent.KeepOnly();
        otherParent.KeepOnly();
        inTime.DieWithParent();

        parent.Kill();
        late.DieWithParent();
        otherParent.Kill();
        bed.Control("a child that asked in time dies with its parent", inTime.AwaitDeath() && other.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bool livesOn = late.Answers();
        SocketSeen kept = pair.VictimEnd.Look();
        bed.Await(() => inTime.Look().IsGone);
        bed.Look("both parents are dead");

        return Answer.Holds(() =>
        {
            livesOn.Should().BeTrue();
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEquivalentTo(late.Name);
        });
    });

    [Claim("L20", "A connection registered with an io_uring stays ESTABLISHED after its last descriptor was closed, belonging to nobody, until the process with the ring dies.")]
    [Note("Who keeps a connection that ss shows in ESTABLISHED with no process? Perhaps a ring: a registered file is a reference that no list of descriptors shows. close() ends nothing then; the ring's end does.")]
    [Linux(Holds, Measured, "6.18", "io_uring/rsrc.c io_sqe_files_register() takes a reference of the file; io_uring/io_uring.c io_ring_exit_work() drops it; io_uring_register(2)")]
    [FreeBSD(NotApplicable, "there is no io_uring")]
    [DragonFly(NotApplicable, "there is no io_uring")]
    [OpenBSD(NotApplicable, "there is no io_uring")]
    public Task RingKeepsConnectionWithoutDescriptor(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair other = bed.Connect("control");
        Victim victim = bed.Fork(pair, other);
        victim.OpenRing().Register(pair);

        victim.KeepOnly();
        bed.Control("a connection that is not registered is closed by the same", other.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        SocketSeen kept = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        pair.PeerEnd.Write(6);
        SocketSeen unread = pair.VictimEnd.Await(seen => seen.ReceiveQueue == 6);
        bed.Look("no process has a descriptor of it");
        victim.Kill();
        bed.Control("the death of the process with the ring ends it", pair.PeerEnd.Await(seen => seen.State != ESTABLISHED).State != ESTABLISHED);
        bed.Await(() => pair.VictimEnd.Look().State != ESTABLISHED);
        bed.Look("the process with the ring is dead");

        return Answer.Holds(() =>
        {
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEmpty();
            kept.Inode.Should().NotBe(0, "it is no orphan");
            finWasSent.Should().BeFalse();
            unread.ReceiveQueue.Should().Be(6, "it still receives");
        });
    });

    [Claim("L21", "A process that the OOM killer takes leaves the same TCP state and queue as one that calls _exit().")]
    [Note("OOMKilled, says the container's status: its clients see no crash, but all that was written and an ordinary end of the stream. That is so whether the machine or a memory cgroup ran out: both end in the same SIGKILL.")]
    [LabOnly("the OOM killer of the whole machine, called by SysRq f")]
    [Linux(Holds, Measured, "5.10, 6.1, 6.12, 7.2", "mm/oom_kill.c __oom_kill_process() sends SIGKILL; kernel/exit.c do_exit()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/vm/vm_pageout.c vm_pageout_oom() calls killproc(), which sends SIGKILL")]
    [DragonFly(Holds, Inferred, "5.9", "sys/vm/vm_pageout.c vm_pageout_scan() calls killproc(), which sends SIGKILL")]
    [OpenBSD(NotApplicable, "there is no OOM killer: allocations fail, or wait")]
    public Task OutOfMemoryLeavesSameOrphan(Ip ip) => Bench.Decide(new TestbedPlan(ip, Topology.Loopback) { NeedsMachineOfItsOwn = true }, bed =>
        LikeAnyDeath(bed, Signals.SIGKILL, victim => victim.DieForMemory()));

    // A death beside an _exit() in the same situation: the same orphan is left by both.
    private static Answer LikeAnyDeath(Testbed bed, int signal, Func<Victim, Death> die)
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
        die(victim);
        SocketSeen orphan = pair.VictimEnd.Look();
        SocketSeen expected = reference.VictimEnd.Look();
        bed.Look("before wait()");
        bed.Control("it died of the signal in question", victim.Reap().Signal == signal);
        exiting.Reap();

        return Answer.Holds(() =>
        {
            expected.State.Should().Be(FIN_WAIT_1, "that is what _exit() leaves");
            expected.SendQueue.Should().Be(10);
            orphan.State.Should().Be(expected.State);
            orphan.SendQueue.Should().Be(expected.SendQueue);
            orphan.Owners.Should().BeEquivalentTo(expected.Owners);
        });
    }

    // alarm(2) goes by whole seconds; setitimer(2) is the same timer by microseconds.
    private static Death DieOfAlarm(Victim victim) =>
        victim.DieOf("sets an alarm", Call.To("setitimer", "ITIMER_REAL", Memory.Of(0L, 0L, 0L, 1000L), 0));

    private static Death DieOfFileSize(Victim victim)
    {
        victim.Limit("RLIMIT_FSIZE", 1, "limits its files to one byte");
        int file = (int)victim.Make("creates a file", Call.To("memfd_create", new Memory("log"u8.ToArray().Append((byte)0).ToArray()), 0)).Value;
        victim.Make("writes the byte that it may", new Call(CallKind.Write, file, 1));
        return victim.DieOf("writes one byte more", new Call(CallKind.Write, file, 1));
    }
}
