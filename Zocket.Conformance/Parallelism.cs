// Claims wait for kernels more than they compute, and share nothing: more at a time than there are processors.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.All, MaxThreads = 8)]
