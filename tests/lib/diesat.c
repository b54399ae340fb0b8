/* diesat N COMMAND [ARGUMENT...]: the process that COMMAND starts is killed on the spot, past any
 * handler, when it is about to change a file for the Nth time (write, clone, copy, cut). Exit 137 then;
 * else the command's own code. diesat -N: it gets SIGINT right behind that change (exit 130). */
#include <linux/fs.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool changes_a_file(pid_t pid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	switch (info.entry.nr) {
	case SYS_ioctl:
		return (unsigned int)info.entry.args[1] == FICLONERANGE;
	case SYS_pwrite64:
	case SYS_pwritev:
	case SYS_copy_file_range:
	case SYS_ftruncate:
	case SYS_fallocate:
		return true;
	case SYS_write:
		return info.entry.args[0] > 2;
	default:
		return false;
	}
}

static int watch(pid_t pid, long n)
{
	int status, sig, deadly = n < 0 ? SIGINT : SIGKILL;

	n = labs(n);
	for (;;) {
		if (waitpid(pid, &status, 0) < 0)
			return 99;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		sig = WSTOPSIG(status);
		if (sig == (SIGTRAP | 0x80) && changes_a_file(pid) && --n == 0)
			kill(pid, deadly);
		if (sig == (SIGTRAP | 0x80) || sig == SIGTRAP)
			sig = 0;
		ptrace(PTRACE_SYSCALL, pid, 0, (void *)(long)sig);
	}
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 3) {
		fputs("usage: diesat [-]N COMMAND [ARGUMENT...]\n", stderr);
		return 99;
	}
	pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(99);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0, (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)) <
		    0) {
		perror("diesat");
		return 99;
	}
	ptrace(PTRACE_SYSCALL, pid, 0, 0);
	return watch(pid, atol(argv[1]));
}
