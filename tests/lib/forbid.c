/* forbid WHAT COMMAND [ARGUMENT...]: runs a command that the kernel refuses something.
 *
 *	clone	FICLONE and FICLONERANGE fail with EOPNOTSUPP, copy_file_range with ENOSYS
 *	rename	the process is killed on the spot, past any handler, when it gives a file a name
 *		(link or rename): the last moment at which an archive may be lost
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW_WORD 4
#else
#define LOW_WORD 0
#endif

#define LOAD(what)	 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (what))
#define UNLESS(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (n))
#define ANSWER(action)	 BPF_STMT(BPF_RET | BPF_K, (action))
#define REFUSE(errnum)	 ANSWER(SECCOMP_RET_ERRNO | ((errnum) & SECCOMP_RET_DATA))
#define KILL_ON(nr)	 UNLESS((nr), 1), ANSWER(SECCOMP_RET_KILL_PROCESS)

#define SYSCALL_NR	offsetof(struct seccomp_data, nr)
#define IOCTL_REQUEST	(offsetof(struct seccomp_data, args[1]) + LOW_WORD)

static struct sock_filter no_clone[] = {
	LOAD(SYSCALL_NR),
	UNLESS(__NR_copy_file_range, 1),
	REFUSE(ENOSYS),
	UNLESS(__NR_ioctl, 5),
	LOAD(IOCTL_REQUEST),
	UNLESS(FICLONE, 1),
	REFUSE(EOPNOTSUPP),
	UNLESS(FICLONERANGE, 1),
	REFUSE(EOPNOTSUPP),
	ANSWER(SECCOMP_RET_ALLOW),
};

static struct sock_filter no_rename[] = {
	LOAD(SYSCALL_NR),
#ifdef __NR_link
	KILL_ON(__NR_link),
#endif
#ifdef __NR_rename
	KILL_ON(__NR_rename),
#endif
#ifdef __NR_renameat
	KILL_ON(__NR_renameat),
#endif
	KILL_ON(__NR_linkat),
	KILL_ON(__NR_renameat2),
	ANSWER(SECCOMP_RET_ALLOW),
};

static int forbid(const char *what)
{
	struct sock_fprog program;

	if (!strcmp(what, "clone")) {
		program.filter = no_clone;
		program.len = sizeof(no_clone) / sizeof(no_clone[0]);
	} else if (!strcmp(what, "rename")) {
		program.filter = no_rename;
		program.len = sizeof(no_rename) / sizeof(no_rename[0]);
	} else {
		errno = EINVAL;
		return -1;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: forbid clone|rename COMMAND [ARGUMENT...]\n", stderr);
		return 99;
	}
	if (forbid(argv[1]) < 0) {
		perror("forbid");
		return 99;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 99;
}
