namespace Zocket.Conformance;

[Family("I", "Sharing, passing and inheriting")]
public sealed class Sharing
{
    private const string NoCopying = "no system call copies a descriptor out of another process";

    [Claim("I01", "A connection shared by fork() stays ESTABLISHED until its last holder dies; only then a FIN leaves.")]
    [Note("I killed a worker: why does the client not notice? Because another process, often the parent or a sibling forked later, still has a descriptor of the same connection. The peer gets FIN when the last of them is closed, not before.")]
    [Linux(Holds, Measured, "6.18", "fs/file_table.c fput(): the last reference releases")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c closef(): the last reference closes")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c closef()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c closef()")]
    public Task DeathOfOneHolderLeavesConnection(Ip ip, [Each(UnderscoreExit, Sigkill)] DeathPath death) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        IReadOnlyList<Victim> holders = bed.Fork(3, pair);

        holders[0].Die(death);
        SocketSeen afterOne = pair.VictimEnd.Look();
        bed.Look("after the first death");
        holders[1].Die(death);
        SocketSeen afterTwo = pair.VictimEnd.Look();
        bool finBeforeTheLast = pair.FromVictim.HasFin;
        bed.Look("after the second death");
        holders[2].Die(death);
        bed.Control("the last death is met by the peer as FIN", pair.PeerEnd.Await(CLOSE_WAIT).State == CLOSE_WAIT && pair.FromVictim.HasFin);
        SocketSeen afterThree = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Look("after the last death");

        return Answer.Holds(() =>
        {
            afterOne.State.Should().Be(ESTABLISHED);
            afterOne.Owners.Should().BeEquivalentTo(holders[1].Name, holders[2].Name);
            afterTwo.State.Should().Be(ESTABLISHED);
            afterTwo.Owners.Should().BeEquivalentTo(holders[2].Name);
            finBeforeTheLast.Should().BeFalse();
            afterThree.State.Should().Be(FIN_WAIT_2);
        });
    });

    [Claim("I02", "A grandchild that inherited the descriptor keeps the connection, though the process that was killed is gone and reaped.")]
    [Note("I killed the server, ps no longer lists it: why is its connection still ESTABLISHED? Some helper that it had started inherited the descriptor and holds it to this day. Look for the owner with ss -p or fuser; only its death, or its close(), ends the connection.")]
    [Linux(Holds, Measured, "6.18", "kernel/fork.c copy_files(); fs/file_table.c fput(): the last reference releases")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c fdcopy(), closef(): the last reference closes")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c fdcopy(), closef()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdcopy(), closef()")]
    public Task DescendantOutlivesKilledParent(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair notInherited = bed.Connect("control");
        Victim server = bed.Fork(pair, notInherited);
        Victim helper = server.Fork();
        helper.Close(notInherited);

        server.Kill();
        server.Reap();
        bed.Control("what only the killed process held gets FIN", notInherited.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        ProcessSeen killed = server.Look();
        SocketSeen kept = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Look("after wait()");

        KillAdopted(bed, helper);
        bed.Control("the death of the helper ends the connection", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Look("after the death of the helper");

        return Answer.Holds(() =>
        {
            killed.IsGone.Should().BeTrue();
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEquivalentTo(helper.Name);
            finWasSent.Should().BeFalse();
        });
    });

    [Claim("I03", "An exec keeps a connection whose descriptor has no FD_CLOEXEC, and closes one that has it, so that FIN is sent.")]
    [Note("Does a connection survive a re-exec, and do the programs I start get my connections? That is decided by one flag of each descriptor at the moment of the exec, not by the program: without FD_CLOEXEC the new program holds the connection, whether it knows of it or not; with it the peer gets FIN.")]
    [Linux(Holds, Measured, "6.18", "fs/exec.c begin_new_exec(): do_close_on_exec(), fs/file.c; POSIX exec()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c fdcloseexec()")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c fdcloseexec()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/kern_descrip.c fdcloseexec()")]
    public Task CloseOnExecDecidesAtExec(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair inherited = bed.Connect("inherited");
        Pair closed = bed.Connect("close-on-exec");
        Victim victim = bed.Fork(inherited, closed);
        victim.SetCloseOnExec(false, inherited);
        victim.SetCloseOnExec(true, closed);
        bed.Control(
            "before the exec both are ESTABLISHED",
            inherited.VictimEnd.Look().State == ESTABLISHED && closed.VictimEnd.Look().State == ESTABLISHED);

        victim.ExecuteShell();
        SocketSeen left = closed.VictimEnd.Await(FIN_WAIT_2);
        SocketSeen kept = inherited.VictimEnd.Look();
        bool finWasSent = inherited.FromVictim.HasFin;
        bed.Look("the new program has begun to run");

        victim.Kill();
        bed.Control("the death of the new program ends the other one too", inherited.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Look("after its death");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(FIN_WAIT_2, "it was closed by the exec");
            left.Owners.Should().BeEmpty();
            kept.State.Should().Be(ESTABLISHED, "it went over to the new program");
            kept.Owners.Should().BeEquivalentTo(victim.Name);
            finWasSent.Should().BeFalse();
        });
    });

    [Claim("I04", "A shutdown(SHUT_WR) by one holder sends FIN, although others still hold the socket.")]
    [Note("A worker shut its copy down and died: why can the parent no longer write? close() and death act on one descriptor, shutdown() on the connection, whoever else holds it. The others' writes fail with EPIPE from then on, and SIGPIPE kills those that do not expect it.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/af_inet.c inet_shutdown(); net/ipv4/tcp.c tcp_shutdown(); POSIX shutdown()")]
    [FreeBSD(Holds, Documented, "13.0", "shutdown(2); sys/kern/uipc_socket.c soshutdown()")]
    [DragonFly(Holds, Documented, "5.9", "shutdown(2); sys/kern/uipc_socket.c soshutdown()")]
    [OpenBSD(Holds, Documented, "the snapshot of August 2026", "shutdown(2); sys/kern/uipc_socket.c soshutdown()")]
    public Task ShutdownActsForAllHolders(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair untouched = bed.Connect("control");
        IReadOnlyList<Victim> holders = bed.Fork(2, pair, untouched);
        holders[0].Ignore(Signals.SIGPIPE);
        holders[1].ShutdownWrite(pair);
        holders[1].Exit();

        SocketSeen left = pair.VictimEnd.Await(FIN_WAIT_2);
        Returned refused = holders[0].AttemptWrite(10, pair);
        Returned taken = holders[0].AttemptWrite(10, untouched);
        SocketSeen kept = untouched.VictimEnd.Await(seen => seen.SendQueue == 0);
        bed.Control(
            "where there was no shutdown(), the same death leaves the connection as it was",
            kept.State == ESTABLISHED && taken.Value == 10 && !untouched.FromVictim.HasFin);
        bed.Look("one holder has shut down and died, the other lives");

        return Answer.Holds(() =>
        {
            left.State.Should().Be(FIN_WAIT_2);
            left.Owners.Should().BeEquivalentTo(holders[0].Name);
            pair.FromVictim.HasFin.Should().BeTrue();
            refused.Error.Should().Be(Errno.EPIPE);
        });
    });

    [Claim("I05", "A socket that was sent by SCM_RIGHTS and not yet received stays open after the death of its sender.")]
    [Note("The connection belongs to no process, lsof finds nothing, and yet it is ESTABLISHED: how? It may be on its way between two processes, in the queue of a UNIX socket. The sender may die meanwhile; whoever receives the message holds a connection that works as before.")]
    [Linux(Holds, Measured, "6.18", "net/unix/af_unix.c unix_attach_fds(); net/core/scm.c scm_fp_copy(): the message holds a reference to the file")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_usrreq.c unp_internalize(): the message holds the file")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_usrreq.c unp_internalize()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_usrreq.c unp_internalize(); regress/sys/kern/unfdpass")]
    public Task DescriptorInFlightKeepsConnection(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair notSent = bed.Connect("control");
        Victim sender = bed.Fork(pair, notSent);
        (Victim receiver, int mailbox, int slot) = ForkMailbox(sender);
        receiver.Close(pair);
        receiver.Close(notSent);
        sender.SendDescriptor(slot, sender.Descriptor(pair));

        sender.Kill();
        sender.Reap();
        bed.Control("what was not sent gets FIN by the same death", notSent.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        SocketSeen inFlight = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Look("in flight, its sender dead");

        int received = receiver.ReceiveDescriptor(mailbox);
        receiver.WriteTo(received, 10);
        IoResult read = pair.PeerEnd.Read(10);
        SocketSeen kept = pair.VictimEnd.Await(seen => seen.SendQueue == 0);
        bed.Look("received");

        return Answer.Holds(() =>
        {
            inFlight.State.Should().Be(ESTABLISHED);
            inFlight.Owners.Should().BeEmpty("no process has a descriptor of it");
            finWasSent.Should().BeFalse();
            read.Bytes.Should().Be(10, "it works as before");
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEquivalentTo(receiver.Name);
        });
    });

    [Claim("I06", "If the receiver of a socket in flight dies without having received it, the socket is closed and FIN is sent.")]
    [Note("Does a connection leak for ever if the process that should have taken it over dies? No: with the last descriptor of the UNIX socket its queue goes, with the queue the messages in it, and with them what they carried. The peer gets FIN, as from any close.")]
    [Linux(Holds, Measured, "6.18", "net/unix/af_unix.c unix_release_sock(): kfree_skb() of its queue, unix_destruct_scm(); net/core/scm.c __scm_destroy()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_usrreq.c unp_dispose(), unp_freerights(): closed from a task")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_usrreq.c unp_dispose()")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/uipc_usrreq.c unp_dispose(), unp_gc(): closed from a task")]
    public Task DroppingTheMailboxClosesInFlight(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair waiting = bed.Connect("control");
        Victim sender = bed.Fork(pair, waiting);
        (Victim receiver, _, int slot) = ForkMailbox(sender);
        (Victim other, _, int otherSlot) = ForkMailbox(sender);
        foreach (Victim each in new[] { receiver, other })
        {
            each.Close(pair);
            each.Close(waiting);
        }

        sender.SendDescriptor(slot, sender.Descriptor(pair));
        sender.SendDescriptor(otherSlot, sender.Descriptor(waiting), "the control's socket");
        sender.Kill();
        sender.Reap();
        bed.Control(
            "both sockets are in flight: ESTABLISHED, and no process has them",
            pair.VictimEnd.Look() is { State: ESTABLISHED, Owners.Count: 0 } && waiting.VictimEnd.Look() is { State: ESTABLISHED, Owners.Count: 0 });
        bed.Look("in flight, their sender dead");

        KillAdopted(bed, receiver);
        SocketSeen dropped = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Control("the socket in the mailbox of a living receiver stays open", waiting.VictimEnd.Look().State == ESTABLISHED && !waiting.FromVictim.HasFin);
        bed.Look("one receiver dead");

        return Answer.Holds(() =>
        {
            dropped.State.Should().Be(FIN_WAIT_2);
            pair.FromVictim.HasFin.Should().BeTrue();
            pair.FromVictim.HasReset.Should().BeFalse();
        });
    });

    [Claim("I07", "A TCP socket inside an unreachable circle of UNIX sockets in flight is closed by the kernel's garbage collector after all holders have died.")]
    [Note("Can two processes that send each other their UNIX sockets leak connections? References in a circle keep each other alive, so no count ever falls to zero; but the kernel looks for such circles when UNIX sockets are closed, and takes them apart. The peer gets FIN a little later than by an ordinary close.")]
    [Linux(Holds, Measured, "6.18", "net/unix/garbage.c unix_gc(), started by unix_release_sock(); since 6.10 it works on the graph of sockets in flight, __unix_walk_scc()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_usrreq.c unp_gc(); tools/regression/sockets/unix_gc")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_usrreq.c unp_gc()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_usrreq.c unp_gc(); regress/sys/kern/unixsockets/ungc")]
    public Task CyclicInFlightIsCollected(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair reachable = bed.Connect("control");
        Victim victim = bed.Fork(pair, reachable);
        (Victim receiver, _, int slot) = ForkMailbox(victim);
        receiver.Close(pair);
        receiver.Close(reachable);

        // One end is in the queue of messages that can be received from that same end.
        (int left, int right) = victim.UnixPair();
        victim.SendDescriptor(left, right, "the other end of the UNIX socket");
        victim.SendDescriptor(left, victim.Descriptor(pair));
        victim.SendDescriptor(slot, victim.Descriptor(reachable), "the control's socket");
        victim.Close(pair);
        victim.Close(reachable);
        bed.Control(
            "while the victim holds the UNIX socket, both are in flight: ESTABLISHED, and no process has them",
            pair.VictimEnd.Look() is { State: ESTABLISHED, Owners.Count: 0 } && reachable.VictimEnd.Look() is { State: ESTABLISHED, Owners.Count: 0 });
        bed.Look("in flight, the victim alive");

        victim.Kill();
        victim.Reap();
        bool finWasSent = bed.Await(() => pair.FromVictim.HasFin);
        SocketSeen collected = pair.VictimEnd.Await(FIN_WAIT_2);
        bed.Control(
            "what a living process can still receive is not collected",
            reachable.VictimEnd.Look().State == ESTABLISHED && !reachable.FromVictim.HasFin);
        bed.Look("the victim dead and reaped");

        return Answer.Holds(() =>
        {
            finWasSent.Should().BeTrue();
            collected.State.Should().Be(FIN_WAIT_2);
        });
    });

    [Claim("I08", "When the last holder of a listener dies, connections that were established and not accepted are reset.")]
    [Note("Clients were connected when the server crashed, although it had never accepted them: what do they get? Not the end of the stream, as those do that were accepted, but \"connection reset by peer\". So a restart under load loses what stood in the queue, unless another process keeps the listener.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_connection_sock.c inet_csk_listen_stop(), inet_child_forget(): tcp_disconnect() with tcp_send_active_reset()")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/uipc_socket.c soclose(): soabort() of the queue")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/uipc_socket.c soclose(): soabort() of the queue")]
    [OpenBSD(Holds, Source, "the snapshot of August 2026", "sys/kern/uipc_socket.c soclose(): soabort() of the queue")]
    public Task UnacceptedConnectionsAreReset(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim server = bed.Fork();
        Victim client = bed.ForkBystander();
        (int listener, Endpoint at) = server.ListenAt(Endpoint.Loopback(ip));
        (int accepted, End acceptedEnd) = ConnectAndQueue(bed, client, at, "accepted one's server's end");
        (int Descriptor, End End)[] queued = [.. Enumerable.Range(1, 3).Select(i => ConnectAndQueue(bed, client, at, $"queued one {i}'s server's end"))];
        server.Accept(listener);
        bed.Control("the first was accepted and belongs to the server", acceptedEnd.Look().Owners.SequenceEqual([server.Name]));
        bed.Control(
            "the others are ESTABLISHED, and no process has them",
            queued.All(one => one.End.Look() is { State: ESTABLISHED, Owners.Count: 0 }));
        bed.Look("one accepted, three not");

        server.Kill();
        SocketSeen[] left = [.. queued.Select(one => one.End.Await(None))];
        Returned[] read = [.. queued.Select(one => client.ReadFrom(one.Descriptor, 10))];
        StreamSeen[] sent = [.. queued.Select(one => bed.Stream(one.End.Tuple.Local, one.End.Tuple.Remote))];
        bed.Control(
            "the one that was accepted gets FIN, and its client reads the end of the stream",
            acceptedEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && ReadsEnd(client, accepted));
        bed.Look("before wait()");
        server.Reap();

        return Answer.Holds(() =>
        {
            left.Should().OnlyContain(seen => seen.IsGone);
            read.Should().OnlyContain(returned => returned.Error == Errno.ECONNRESET);
            sent.Should().OnlyContain(stream => stream.HasReset && !stream.HasFin);
        });
    });

    [Claim("I09", "A listener that a child inherited goes on completing handshakes after the server was killed, though nobody accepts.")]
    [Note("The server is dead, yet its port is in use, clients connect and then hang: who answers? The kernel does, for as long as any process has a descriptor of the listener, be it a helper that knows nothing of it. Find it with ss -ltnp, and open listeners close-on-exec.")]
    [Linux(Holds, Measured, "6.18", "fs/file_table.c fput(); net/ipv4/tcp_ipv4.c tcp_v4_syn_recv_sock() asks for room in the queue, not for a process")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/kern_descrip.c closef(); sys/netinet/tcp_syncache.c syncache_expand()")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/kern_descrip.c closef(); sys/netinet/tcp_syncache.c syncache_expand()")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/kern_descrip.c closef(); sys/netinet/tcp_input.c syn_cache_get()")]
    public Task InheritedListenerKeepsAccepting(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim server = bed.Fork();
        Victim client = bed.ForkBystander();
        (int inherited, Endpoint at) = server.ListenAt(Endpoint.Loopback(ip));
        (int _, Endpoint own) = server.ListenAt(Endpoint.Loopback(ip));
        End listener = bed.Watch("inherited listener", at);
        End control = bed.Watch("control's listener", own);
        bed.Control("both listen", listener.Look().State == LISTEN && control.Look().State == LISTEN);
        Victim helper = server.Fork(inherited);

        server.Kill();
        server.Reap();
        SocketSeen kept = listener.Look();
        int descriptor = client.Socket(ip);
        Returned connected = client.AttemptConnect(descriptor, at);
        bed.Control("the listener that nobody inherited is gone", control.Await(None).IsGone);
        bed.Control("and there a connection is refused", client.AttemptConnect(client.Socket(ip), own).Error == Errno.ECONNREFUSED);
        Endpoint local = client.LocalName(descriptor);
        End queued = bed.Watch("server's end", at, local);
        SocketSeen waiting = queued.Await(ESTABLISHED);
        bed.Look("after wait(), with a new client");

        return Answer.Holds(() =>
        {
            kept.State.Should().Be(LISTEN);
            kept.Owners.Should().BeEquivalentTo(helper.Name);
            connected.Error.Should().Be(Errno.None);
            waiting.State.Should().Be(ESTABLISHED);
            waiting.Owners.Should().BeEmpty("nobody has accepted it, and nobody will");
        });
    });

    [Claim("I10", "Where two processes share one descriptor table, the death of one of them closes nothing.")]
    [Note("Does a process made by clone(CLONE_FILES) or rfork(), as some runtimes and sandboxes make them, close its siblings' connections when it dies? No: the table is given up with its last user. But unlike after fork(), one close() in any of them closes the connection for all.")]
    [Linux(Holds, Measured, "6.18", "fs/file.c exit_files(), put_files_struct(): the table goes with its last user; clone(2), CLONE_FILES")]
    [FreeBSD(Holds, Source, "13.0", "sys/kern/kern_descrip.c fdescfree(): fd_refcnt; rfork(2) without RFFDG and RFCFDG")]
    [DragonFly(Holds, Source, "5.9", "sys/kern/kern_descrip.c fdfree(): fd_refcnt; rfork(2) without RFFDG and RFCFDG")]
    [OpenBSD(NotApplicable, "no system call makes a process that shares its parent's descriptor table")]
    public Task SharedDescriptorTableOutlivesOneProcess(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair closed = bed.Connect("control");
        Victim victim = bed.Fork(pair, closed);
        Victim sibling = victim.Fork(ForkKind.SharingDescriptors);
        sibling.Close(closed);
        bed.Control("the table is one: a close() by either closes for both", closed.VictimEnd.Await(FIN_WAIT_2) is { State: FIN_WAIT_2, Owners.Count: 0 });

        victim.Kill();
        victim.Reap();
        SocketSeen kept = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Look("one of the two dead and reaped");

        KillAdopted(bed, sibling);
        bed.Control("the death of the last user of the table closes", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Look("both dead");

        return Answer.Holds(() =>
        {
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEquivalentTo(sibling.Name);
            finWasSent.Should().BeFalse();
        });
    });

    [Claim("I11", "A copy of its descriptor that another process took with pidfd_getfd() keeps the connection past the process's death.")]
    [Note("Can a debugger or a supervisor hold a connection open that a crashing worker had? Yes: pidfd_getfd() copies a descriptor out of a process that knows nothing of it, and from then on there are two holders. Nothing in the worker shows it; ss -p does.")]
    [Linux(Holds, Measured, "6.18", "kernel/pid.c pidfd_getfd(), __pidfd_fget(); pidfd_getfd(2)")]
    [FreeBSD(NotApplicable, NoCopying)]
    [DragonFly(NotApplicable, NoCopying)]
    [OpenBSD(NotApplicable, NoCopying)]
    public Task DescriptorCopiedByPidfdKeepsConnection(Ip ip) => Bench.Decide(ip, bed =>
    {
        Pair pair = bed.Connect();
        Pair notCopied = bed.Connect("control");
        Victim victim = bed.Fork(pair, notCopied);
        Victim debugger = bed.ForkBystander();
        int process = (int)debugger.Make("pidfd_open", victim.Pid, 0).Value;
        int copy = (int)debugger.Make("pidfd_getfd", process, victim.Descriptor(pair), 0).Value;

        victim.Kill();
        victim.Reap();
        bed.Control("what was not copied gets FIN by the same death", notCopied.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        SocketSeen kept = pair.VictimEnd.Look();
        bool finWasSent = pair.FromVictim.HasFin;
        bed.Look("after wait()");

        debugger.Close(copy, "the copy");
        bed.Control("closing the copy ends the connection", pair.VictimEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2);
        bed.Look("the copy closed");

        return Answer.Holds(() =>
        {
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEquivalentTo(debugger.Name);
            finWasSent.Should().BeFalse();
        });
    });

    [Claim("I12", "A request written into a connection that was not yet accepted is acknowledged, and lost with the listener.")]
    [Note("The client's kernel has the acknowledgement of the whole request, so the server must have got it? No: an acknowledgement comes from the server's kernel, which takes data for connections that no process has seen yet. If the server dies then, the request is gone and the client gets a reset; only a reply proves anything.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/tcp_input.c tcp_data_queue() asks for no owner; net/ipv4/inet_connection_sock.c inet_csk_listen_stop(), inet_child_forget()")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/netinet/tcp_input.c tcp_do_segment(); sys/kern/uipc_socket.c soclose(): soabort() of the queue")]
    [DragonFly(Holds, Inferred, "5.9", "sys/netinet/tcp_input.c tcp_input(); sys/kern/uipc_socket.c soclose(): soabort() of the queue")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/netinet/tcp_input.c tcp_input(); sys/kern/uipc_socket.c soclose(): soabort() of the queue")]
    public Task QueuedRequestIsLostWithListener(Ip ip) => Bench.Decide(ip, bed =>
    {
        const int Request = 100;
        Victim server = bed.Fork();
        Victim client = bed.ForkBystander();
        (int listener, Endpoint at) = server.ListenAt(Endpoint.Loopback(ip));
        (int answered, End answeredEnd) = ConnectAndQueue(bed, client, at, "accepted one's server's end");
        (int queued, End queuedEnd) = ConnectAndQueue(bed, client, at, "queued one's server's end");
        client.WriteTo(answered, Request);
        client.WriteTo(queued, Request);
        int accepted = server.Accept(listener);
        bed.Control(
            "the server reads the request of the connection that it has accepted",
            server.Make($"read({Request})", new Call(CallKind.Read, accepted, Request)).Value == Request);
        SocketSeen waiting = queuedEnd.Await(seen => seen.ReceiveQueue == Request);
        StreamSeen request = Sent(bed, queuedEnd.Tuple.Reversed, stream => stream.AcknowledgedBytes == Request);
        bed.Look("one accepted and read, the other not");

        server.Kill();
        Returned read = client.ReadFrom(queued, 10);
        bed.Control(
            "the one whose request was read gets FIN",
            answeredEnd.Await(FIN_WAIT_2).State == FIN_WAIT_2 && ReadsEnd(client, answered));
        SocketSeen left = queuedEnd.Await(None);
        StreamSeen reply = bed.Stream(queuedEnd.Tuple.Local, queuedEnd.Tuple.Remote);
        bed.Look("before wait()");
        server.Reap();

        return Answer.Holds(() =>
        {
            waiting.ReceiveQueue.Should().Be(Request);
            waiting.Owners.Should().BeEmpty("no process has seen it");
            request.AcknowledgedBytes.Should().Be(Request, "the kernel has acknowledged all of it");
            read.Error.Should().Be(Errno.ECONNRESET);
            reply.HasReset.Should().BeTrue();
            left.IsGone.Should().BeTrue();
        });
    });

    [Claim("I13", "A connection that a worker holds goes on when the process that accepted it dies, and its listener with it.")]
    [Note("Does stopping the master process cut off the clients its workers are serving? No: once accepted, a connection has nothing to do with its listener any more. New clients are refused from that moment, those being served notice nothing.")]
    [Linux(Holds, Measured, "6.18", "net/ipv4/inet_connection_sock.c inet_csk_accept(), inet_csk_listen_stop() ends only what is in the queue")]
    [FreeBSD(Holds, Inferred, "13.0", "sys/kern/uipc_syscalls.c kern_accept4(); sys/kern/uipc_socket.c soclose() aborts only what is in the queue")]
    [DragonFly(Holds, Inferred, "5.9", "sys/kern/uipc_syscalls.c kern_accept(); sys/kern/uipc_socket.c soclose() aborts only what is in the queue")]
    [OpenBSD(Holds, Inferred, "the snapshot of August 2026", "sys/kern/uipc_syscalls.c doaccept(); sys/kern/uipc_socket.c soclose() aborts only what is in the queue")]
    public Task AcceptedConnectionSurvivesItsListener(Ip ip) => Bench.Decide(ip, bed =>
    {
        Victim master = bed.Fork();
        Victim client = bed.ForkBystander();
        (int listener, Endpoint at) = master.ListenAt(Endpoint.Loopback(ip));
        (int served, End servedEnd) = ConnectAndQueue(bed, client, at, "server's end");
        int connection = master.Accept(listener);
        Victim worker = master.Fork(connection);
        bed.Control(
            "master and worker have the connection, and the master the listener",
            servedEnd.Look().Owners.SequenceEqual([master.Name, worker.Name]) && bed.Watch("listener", at).Look().Owners.SequenceEqual([master.Name]));

        master.Kill();
        master.Reap();
        bed.Control("new clients are refused", client.AttemptConnect(client.Socket(ip), at).Error == Errno.ECONNREFUSED);
        worker.WriteTo(connection, 10);
        Returned read = client.ReadFrom(served, 10);
        SocketSeen kept = servedEnd.Await(seen => seen.SendQueue == 0);
        bed.Look("after wait()");

        return Answer.Holds(() =>
        {
            kept.State.Should().Be(ESTABLISHED);
            kept.Owners.Should().BeEquivalentTo(worker.Name);
            read.Value.Should().Be(10, "the worker goes on serving");
        });
    });

    // Its parent is dead, so that init reaps it at once: "gone" is all that can be seen of it.
    private static void KillAdopted(Testbed bed, Victim orphan)
    {
        orphan.Kill();
        bed.Await(() => orphan.Look().IsGone);
    }

    // Connects, and waits until the server's kernel has put the connection into the queue: the last segment of a handshake may be
    // under way when connect() returns, and the queue's order would be a matter of luck.
    private static (int Descriptor, End ServersEnd) ConnectAndQueue(Testbed bed, Victim client, Endpoint to, string name)
    {
        (int descriptor, Endpoint local) = client.ConnectTo(to);
        End end = bed.Watch(name, to, local);
        bed.Control("the connection is established", end.Await(ESTABLISHED).State == ESTABLISHED);
        return (descriptor, end);
    }

    private static StreamSeen Sent(Testbed bed, FourTuple tuple, Func<StreamSeen, bool> wanted)
    {
        bed.Await(() => wanted(bed.Stream(tuple.Local, tuple.Remote)));
        return bed.Stream(tuple.Local, tuple.Remote);
    }

    // A UNIX socket pair, of which a child holds the end to receive from, and the parent only the one to send to.
    private static (Victim Receiver, int Mailbox, int Slot) ForkMailbox(Victim sender)
    {
        (int slot, int mailbox) = sender.UnixPair();
        Victim receiver = sender.Fork(mailbox);
        sender.Close(mailbox, "the mailbox");
        return (receiver, mailbox, slot);
    }

    private static bool ReadsEnd(Victim client, int descriptor) => client.Make("read(10)", new Call(CallKind.Read, descriptor, 10)).Value == 0;
}
