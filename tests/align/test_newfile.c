#include "align/cleanup.h"
#include "align/io.h"
#include "align/newfile.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

static bool put(struct tx_newfile *file, const char *text)
{
	return tx_write_at(file->fd, text, strlen(text), 0) == 0;
}

static int open_and_release(const char *path)
{
	struct tx_newfile file;
	struct tx_err err;
	int r = tx_newfile_open(&file, path, &err);

	if (r == 0)
		tx_newfile_release(&file);
	return r;
}

/* The whole life of a file; 0 or the error. */
static int make(const char *path, const char *text)
{
	struct tx_newfile file;
	struct tx_err err;
	int r = tx_newfile_open(&file, path, &err);

	if (r < 0)
		return r;
	r = put(&file, text) ? tx_newfile_commit(&file, false, &err) : -EIO;
	tx_newfile_release(&file);
	return r;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_mode : 0;
}

/* An empty directory, in which the test then stands. */
static void begin(const char *name)
{
	must(mkdir(name, 0755) == 0 && chdir(name) == 0, name);
}

static void end(void)
{
	must(chdir("..") == 0, "back");
}

/* ------------------------------------------------------------------ new ones */

static void test_new(const char *where)
{
	struct tx_newfile file;
	struct tx_err err;
	struct stat st;
	bool hidden;

	begin("new");
	umask(027);
	tap_number(tx_newfile_open(&file, "file", &err), 0, "%s: a new file begins", where);
	hidden = access("file", F_OK) < 0;
	put(&file, "new");
	tap_ok(hidden && access("file", F_OK) < 0, "%s: it is not there until the commit", where);
	tap_ok(!file.replaces && !file.in_place, "%s: it replaces nothing", where);
	tap_number(tx_newfile_commit(&file, false, &err), 0, "%s: the commit succeeds", where);
	tap_string(room_read("file"), "new", "%s: it is there after the commit", where);
	tap_number(mode_of("file") & 07777, 0640, "%s: its mode follows the umask", where);
	tap_ok(fstat(file.fd, &st) == 0 && st.st_nlink == 1, "%s: it has one name", where);
	tx_newfile_release(&file);
	tap_string(room_read("file"), "new", "%s: and stays after the release", where);
	tap_number((long long)room_count("."), 1, "%s: nothing else is left", where);
	umask(022);
	end();
}

static void test_given_up(const char *where)
{
	struct tx_newfile file;
	struct tx_err err;

	begin("given-up");
	must(tx_newfile_open(&file, "file", &err) == 0 && put(&file, "new"), "open");
	tx_newfile_release(&file);
	tap_number((long long)room_count("."), 0, "%s: of a file that was given up nothing is left",
		   where);
	room_write("old", "old");
	must(tx_newfile_open(&file, "old", &err) == 0 && put(&file, "new"), "open");
	tx_newfile_release(&file);
	tap_string(room_read("old"), "old", "%s: what it should have replaced stays", where);
	tap_number((long long)room_count("."), 1, "%s: alone", where);
	tx_newfile_release(&file);
	tap_ok(file.fd == -1, "%s: a second release is harmless", where);
	end();
}

static void test_replace(const char *where)
{
	struct tx_newfile file;
	struct tx_err err;
	struct stat before, after;

	begin("replace");
	room_write("file", "old, and longer");
	must(chmod("file", 0604) == 0 && link("file", "other") == 0 && stat("file", &before) == 0,
	     "make");
	must(tx_newfile_open(&file, "file", &err) == 0 && put(&file, "new"), "open");
	tap_ok(file.replaces && file.old.st_ino == before.st_ino,
	       "%s: the file that will be replaced is told", where);
	tap_string(room_read("file"), "old, and longer", "%s: it stays until the commit", where);
	tap_number(tx_newfile_commit(&file, false, &err), 0, "%s: the commit replaces it", where);
	tx_newfile_release(&file);
	tap_string(room_read("file"), "new", "%s: by the new one", where);
	tap_ok(stat("file", &after) == 0 && (after.st_mode & 07777) == 0604 &&
		       after.st_ino != before.st_ino,
	       "%s: which has the old mode", where);
	tap_string(room_read("other"), "old, and longer", "%s: another name of it is untouched",
		   where);
	tap_number((long long)room_count("."), 2, "%s: nothing else is left", where);
	end();
}

static void test_appeared(const char *where)
{
	struct tx_newfile file;
	struct tx_err err;

	begin("appeared");
	must(tx_newfile_open(&file, "file", &err) == 0 && put(&file, "new"), "open");
	room_write("file", "somebody's");
	tap_number(tx_newfile_commit(&file, false, &err), 0,
		   "%s: a name taken meanwhile is replaced", where);
	tx_newfile_release(&file);
	tap_string(room_read("file"), "new", "%s: by the new file", where);
	tap_number((long long)room_count("."), 1, "%s: nothing else is left", where);
	end();
}

static void test_owner(void)
{
	struct stat st;

	if (geteuid() != 0) {
		tap_skip("the old owner is kept", "needs root, to give files away");
		return;
	}
	begin("owner");
	room_write("file", "old");
	must(chown("file", 1234, 2345) == 0 && chmod("file", 06755) == 0, "chown");
	make("file", "new");
	tap_ok(stat("file", &st) == 0 && st.st_uid == 1234 && st.st_gid == 2345,
	       "the old owner is kept");
	tap_number(st.st_mode & 07777, 0755, "but not set-user-ID, for bytes it was not given to");
	end();
}

static void test_links(const char *where)
{
	begin("links");
	must(mkdir("real", 0755) == 0 && symlink("real/file", "link") == 0 &&
		     symlink("real/fresh", "dangling") == 0 && symlink("real", "dir") == 0,
	     "make");
	room_write("real/file", "old");
	tap_number(make("link", "new"), 0, "%s: a symbolic link can be written to", where);
	tap_string(room_read("real/file"), "new", "%s: the file it leads to is replaced", where);
	tap_ok(S_ISLNK(mode_of("link")), "%s: and the link stays", where);
	tap_number(make("dir/made", "new"), 0, "%s: a path through a link is written", where);
	tap_string(room_read("real/made"), "new", "%s: where it leads to", where);
	tap_number(make("dangling", "new"), -EEXIST, "%s: a link to nothing is refused", where);
	tap_ok(access("real/fresh", F_OK) < 0, "%s: nothing is made where it leads to", where);
	tap_ok(S_ISLNK(mode_of("dangling")), "%s: and that link stays too", where);
	end();
}

/* ------------------------------------------------------------------ what is written in place */

/* A device of our own, as what is tried here must not happen to the machine's. */
static void test_device(void)
{
	struct tx_newfile file;
	struct tx_err err;

	if (mknod("null", S_IFCHR | 0600, makedev(1, 3)) < 0) {
		tap_skip("a device is opened in place", "cannot make one");
		return;
	}
	if (tx_newfile_open(&file, "null", &err) == -EACCES) {
		tap_skip("a device is opened in place", "devices do not work here");
		return;
	}
	tap_ok(file.in_place && !file.replaces, "a device is opened in place");
	tap_ok(write(file.fd, "bytes", 5) == 5, "and takes what is written");
	tap_number(tx_newfile_commit(&file, true, &err), 0,
		   "the commit changes nothing there either");
	tx_newfile_release(&file);
	tap_ok(S_ISCHR(mode_of("null")) && room_count(".") == 2, "it stays a device, and alone");
}

static void test_in_place(void)
{
	struct tx_newfile file;
	struct tx_err err;
	TX_FD reader = -1;
	char text[8] = "";

	begin("in-place");
	must(mkfifo("fifo", 0600) == 0, "mkfifo");
	reader = open("fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	tap_number(tx_newfile_open(&file, "fifo", &err), 0, "a FIFO is opened");
	tap_ok(file.in_place && !file.replaces, "in place");
	tap_ok(write(file.fd, "bytes", 5) == 5 && read(reader, text, sizeof(text)) == 5 &&
		       !memcmp(text, "bytes", 5),
	       "what is written goes through it");
	tap_number(tx_newfile_commit(&file, false, &err), 0, "the commit changes nothing");
	tx_newfile_release(&file);
	tap_ok(S_ISFIFO(mode_of("fifo")) && room_count(".") == 1, "it is still a FIFO, and alone");
	test_device();
	end();
}

static void test_refused(void)
{
	begin("refused");
	must(mkdir("dir", 0755) == 0 && symlink("dir", "link") == 0, "mkdir");
	room_write("file", "old");
	tap_number(open_and_release("dir"), -EISDIR, "a directory cannot be replaced");
	tap_number(open_and_release("link"), -EISDIR, "nor through a link");
	tap_number(open_and_release("new/"), -EISDIR,
		   "a name with a slash behind is none of a file");
	tap_number(open_and_release("none/new"), -ENOENT, "the directory must be there");
	tap_number(open_and_release("file/new"), -ENOTDIR, "and be one");
	tap_number(open_and_release(""), -EISDIR, "an empty path is refused");
	tap_number((long long)room_count("."), 3, "and nothing was made");
	end();
}

/* ------------------------------------------------------------------ without O_TMPFILE */

#define TMPFILE_ALONE (O_TMPFILE & ~O_DIRECTORY)

/* From here on openat(2) with O_TMPFILE fails as on a file system that does not know it. */
static bool forget_tmpfile(void)
{
	unsigned int low = __BYTE_ORDER == __BIG_ENDIAN ? 4 : 0;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + low),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TMPFILE_ALONE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
	       openat(AT_FDCWD, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) < 0 &&
	       errno == EOPNOTSUPP;
}

/* A process that makes a file and is sent SIG: before the commit, behind it, or IGNORED. */
enum when { BEFORE, BEHIND, RELEASED, IGNORED };

static int end_by(int sig, enum when when)
{
	struct tx_newfile file;
	struct tx_err err;
	char temp[TX_TEMP_ROOM];

	if (when == IGNORED)
		signal(sig, SIG_IGN);
	if (tx_newfile_open(&file, "file", &err) < 0 || !put(&file, "new") || !file.temp[0] ||
	    room_count(".") != 1)
		return 100;
	if (when == BEHIND && tx_newfile_commit(&file, false, &err) < 0)
		return 101;
	if (when == RELEASED) {
		int dir = file.dir;

		memcpy(temp, file.temp, sizeof(temp));
		tx_newfile_release(&file);
		/* Name and descriptor are somebody else's by now. */
		room_write(temp, "");
		must(dup2(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir) == dir, "dup2");
	}
	raise(sig);
	if (when == IGNORED)
		tx_newfile_commit(&file, false, &err);
	tx_newfile_release(&file);
	return 0;
}

/* Its status, as of waitpid(2). */
static int run(int sig, enum when when)
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(end_by(sig, when));
	waitpid(child, &status, 0);
	return status;
}

static void test_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ, SIGXCPU };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		const char *name = sigabbrev_np(signals[i]);
		int status;

		begin("signal");
		signal(signals[i], SIG_DFL);
		status = run(signals[i], BEFORE);
		tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == signals[i],
		       "SIG%s ends the process as ever", name);
		tap_number((long long)room_count("."), 0, "and its temporary file is gone");
		end();
		must(rmdir("signal") == 0, "rmdir");
	}
}

static void test_signal_late(void)
{
	begin("late");
	run(SIGTERM, BEHIND);
	tap_string(room_read("file"), "new", "a signal behind the commit removes nothing");
	tap_number((long long)room_count("."), 1, "and nothing else is there");
	must(unlink("file") == 0, "unlink");
	run(SIGTERM, RELEASED);
	tap_number((long long)room_count("."), 1, "nor does one behind the release");
	must(system("rm -f .tarx-*") == 0, "remove");
	tap_number(run(SIGHUP, IGNORED), 0, "a signal that is ignored stays ignored");
	tap_string(room_read("file"), "new", "and the file comes to be");
	end();
}

static int without_tmpfile(void)
{
	if (!forget_tmpfile()) {
		tap_skip("a file system without O_TMPFILE", "no seccomp to simulate one");
		return tap_done();
	}
	begin("named");
	test_new("without O_TMPFILE");
	test_given_up("without O_TMPFILE");
	test_replace("without O_TMPFILE");
	test_appeared("without O_TMPFILE");
	test_links("without O_TMPFILE");
	test_signals();
	test_signal_late();
	end();
	return tap_done();
}

int main(void)
{
	int r;

	room_open();
	umask(022);
	test_new("O_TMPFILE");
	test_given_up("O_TMPFILE");
	test_replace("O_TMPFILE");
	test_appeared("O_TMPFILE");
	test_owner();
	test_links("O_TMPFILE");
	test_in_place();
	test_refused();
	/* There is no way back from here, but the files are removed without O_TMPFILE too. */
	r = without_tmpfile();
	room_close();
	return r;
}
