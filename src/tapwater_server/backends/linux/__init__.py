"""The Linux kernel as a sandbox: namespaces, cgroups, seccomp, Landlock."""
