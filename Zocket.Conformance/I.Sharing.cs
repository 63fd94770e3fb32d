namespace Zocket.Conformance;

[Family("I", "Sharing, passing and inheriting")]
public sealed class Sharing
{
    [Claim("I01", "A connection shared by fork() stays ESTABLISHED until its last holder dies; only then a FIN leaves.")]
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
}
