"""The benchmark of tarx: disks, workloads, tools, runs, tables."""
