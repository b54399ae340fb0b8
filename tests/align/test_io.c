#include "align/cleanup.h"
#include "align/io.h"
#include "tests/align/room.h"
#include "tests/lib/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

#define MUCH (1u << 20)

static unsigned char much[MUCH], back[MUCH];

static void fill_much(void)
{
	for (size_t i = 0; i < MUCH; i++)
		much[i] = (unsigned char)((i * 2654435761u) >> 13);
}

/* ------------------------------------------------------------------ whole reads and writes */

static volatile sig_atomic_t alarms;

static void count_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* Interrupts system calls, which are not restarted, every millisecond. */
static void set_alarm(bool on)
{
	struct sigaction action = { .sa_handler = count_alarm };
	struct itimerval often = { .it_interval.tv_usec = 1000, .it_value.tv_usec = 1000 };

	if (on)
		sigaction(SIGALRM, &action, NULL);
	else
		often = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &often, NULL);
}

/* In a process of its own: reads the pipe slowly, in odd pieces; 0 when the bytes are right. */
static int read_slowly(int fd)
{
	size_t at = 0, piece = 1;

	while (at < MUCH) {
		ssize_t n = read(fd, back, piece);

		if (n <= 0 || memcmp(back, much + at, (size_t)n))
			return 1;
		at += (size_t)n;
		piece = piece * 3 % 20011;
		usleep(200);
	}
	return read(fd, back, 1) != 0;
}

static int write_slowly(int fd)
{
	size_t at = 0, piece = 1;

	while (at < MUCH) {
		ssize_t n = write(fd, much + at, piece < MUCH - at ? piece : MUCH - at);

		if (n <= 0)
			return 1;
		at += (size_t)n;
		piece = piece * 3 % 20011;
		usleep(200);
	}
	return 0;
}

static bool child_was_content(pid_t child)
{
	int status = 1;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return status == 0;
}

static void test_write_stream(void)
{
	int ends[2], r;
	pid_t child;

	must(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 4096) >= 0, "pipe");
	child = fork();
	if (child == 0) {
		close(ends[1]);
		_exit(read_slowly(ends[0]));
	}
	close(ends[0]);
	alarms = 0;
	set_alarm(true);
	r = tx_write_stream(ends[1], much, MUCH);
	set_alarm(false);
	close(ends[1]);
	tap_ok(child_was_content(child) && r == 0,
	       "a stream takes all bytes in spite of short writes and signals");
	tap_ok(alarms > 0, "(signals did come)");
}

static void test_read_stream(void)
{
	int ends[2];
	ssize_t r;
	pid_t child;

	must(pipe(ends) == 0, "pipe");
	child = fork();
	if (child == 0) {
		close(ends[0]);
		_exit(write_slowly(ends[1]));
	}
	close(ends[1]);
	set_alarm(true);
	r = tx_read_stream(ends[0], back, MUCH - 10);
	set_alarm(false);
	tap_ok(r == MUCH - 10 && !memcmp(back, much, MUCH - 10),
	       "a stream is read whole in spite of short reads and signals");
	tap_number(tx_read_stream(ends[0], back, 100), 10, "less comes only at the stream's end");
	tap_number(tx_read_stream(ends[0], back, 100), 0, "and then nothing");
	child_was_content(child);
	close(ends[0]);
}

static void test_files(void)
{
	TX_FD fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	TX_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	tap_number(tx_write_at(fd, much, 100000, 12345), 0, "bytes are written at an offset");
	tap_number(tx_read_at(fd, back, 100000, 12345), 100000, "and read there again");
	tap_ok(!memcmp(back, much, 100000), "and are the same");
	tap_number(tx_read_at(fd, back, 1000, 112345 - 10), 10,
		   "a read ends at the end of the file");
	tap_number(tx_read_at(fd, back, 1000, 1 << 30), 0, "behind the end there is nothing");
	tap_number(tx_read_at(fd, back, 0, 0), 0, "no bytes are no bytes");
	tap_number(lseek(fd, 0, SEEK_CUR), 0, "the descriptor's position is left alone");
	tap_number(tx_read_at(-1, back, 1, 0), -EBADF, "a failed read is the negative errno");
	tap_number(tx_write_at(-1, back, 1, 0), -EBADF, "a failed write too");
	tap_number(tx_read_stream(-1, back, 1), -EBADF, "a failed read of a stream too");
	tap_number(tx_write_stream(full, back, 1), -ENOSPC, "a failed write to a stream too");
}

/* A write that crosses the limit of a file's size is short first and fails then. */
static int write_across_limit(void)
{
	struct rlimit limit = { 5000, 5000 };
	TX_FD fd = open("limited", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	return !(tx_write_at(fd, much, 8192, 0) == -EFBIG && fstat(fd, &st) == 0 &&
		 st.st_size == 5000);
}

static void test_limit(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(write_across_limit());
	tap_ok(child_was_content(child), "after a short write the error of the rest is told");
}

static void test_broken_pipe(void)
{
	int ends[2];

	must(pipe(ends) == 0, "pipe");
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	tap_number(tx_write_stream(ends[1], "x", 1), -EPIPE, "a reader that went away is an error");
	close(ends[1]);
}

/* ------------------------------------------------------------------ beneath a directory */

static const struct {
	const char *path;
	int follow, nofollow; /* 0: opens, else the error */
	const char *promise;
} paths[] = {
	{ "in/file", 0, 0, "a path beneath the root opens" },
	{ "in/../in/file", 0, 0, "a path that goes up but stays inside opens" },
	{ ".", 0, 0, "the root itself opens" },
	{ "in//./file", 0, 0, "doubled slashes and dots do not matter" },
	{ "..", -EXDEV, -EXDEV, "the root's parent is refused" },
	{ "../outside", -EXDEV, -EXDEV, "a path beginning with .. is refused" },
	{ "in/../../outside", -EXDEV, -EXDEV, "a path that goes up too far is refused" },
	{ "../root/in/file", -EXDEV, -EXDEV, "even where it comes back" },
	{ "/", -EXDEV, -EXDEV, "an absolute path is refused" },
	{ "/dev/null", -EXDEV, -EXDEV, "and a longer one" },
	{ "leads-out", -EXDEV, -ELOOP, "a symbolic link that leads out is refused" },
	{ "leads-out/file", -EXDEV, -ELOOP, "and a path through it" },
	{ "absolute", -EXDEV, -ELOOP, "an absolute symbolic link is refused" },
	{ "in/up/in/file", 0, -ELOOP, "a symbolic link that goes up but stays inside is followed" },
	{ "to-file", 0, -ELOOP, "a symbolic link at the end is followed" },
	{ "to-dir/file", 0, -ELOOP, "a symbolic link on the way is followed" },
	{ "chain", 0, -ELOOP, "a chain of symbolic links is followed" },
	{ "chain-out", -EXDEV, -ELOOP, "unless it leads out" },
	{ "loop", -ELOOP, -ELOOP, "links in a circle are an error" },
	{ "none", -ENOENT, -ENOENT, "what is not there is an error" },
	{ "in/file/x", -ENOTDIR, -ENOTDIR, "a file is no directory" },
	{ "", 0, 0, "an empty path is the root" },
};

static void make_tree(void)
{
	must(mkdir("root", 0755) == 0 && mkdir("root/in", 0755) == 0 && mkdir("outside", 0755) == 0,
	     "mkdir");
	room_write("root/in/file", "inside");
	room_write("outside/file", "outside");
	must(symlink("../outside", "root/leads-out") == 0 &&
		     symlink("/dev", "root/absolute") == 0 && symlink("..", "root/in/up") == 0 &&
		     symlink("in/file", "root/to-file") == 0 && symlink("in", "root/to-dir") == 0 &&
		     symlink("to-file", "root/chain") == 0 &&
		     symlink("leads-out", "root/chain-out") == 0 &&
		     symlink("loop", "root/loop") == 0,
	     "symlink");
}

static int outcome(int fd)
{
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

static void test_beneath(void)
{
	TX_FD root = -1;

	make_tree();
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		tap_number(outcome(tx_open_beneath(root, paths[i].path, O_RDONLY, 0)),
			   paths[i].follow, "%s", paths[i].promise);
		tap_number(outcome(tx_open_beneath_nofollow(root, paths[i].path, O_RDONLY, 0)),
			   paths[i].nofollow, "without links: %s", paths[i].path);
	}
}

static void test_opening(void)
{
	TX_FD root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	TX_FD fd = -1, hidden = -1;
	struct stat st;

	umask(0);
	fd = tx_open_beneath(root, "in/new", O_WRONLY | O_CREAT | O_EXCL, 0604);
	tap_ok(fd >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0604,
	       "a new file gets the mode asked for");
	tap_ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptors do not go to other programs");
	tap_number(outcome(tx_open_beneath(root, "in/new", O_WRONLY, 0777)), 0,
		   "a mode that nothing needs does no harm");
	tap_number(outcome(tx_open_beneath(root, "leads-out/new", O_WRONLY | O_CREAT, 0600)),
		   -EXDEV, "nothing is made through a link that leads out");
	tap_ok(access("outside/new", F_OK) < 0, "and nothing is there");
	hidden = tx_open_beneath(root, "in", O_TMPFILE | O_RDWR, 0600);
	tap_ok(hidden >= 0 || hidden == -EOPNOTSUPP, "a file without a name can be made");
}

/* ------------------------------------------------------------------ long paths */

#define LEVELS 40

static char long_path[LEVELS * 201 + 64];

/* 40 directories of 200 letters, one in the other, and a file at the bottom. */
static void make_deep_tree(void)
{
	char name[201];
	int dir = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t at = 0;

	memset(name, 'l', 200);
	name[200] = '\0';
	for (int i = 0; i < LEVELS; i++) {
		int next;

		name[0] = (char)('A' + i % 26);
		must(mkdirat(dir, name, 0755) == 0, "mkdir");
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		must(next >= 0 && close(dir) == 0, "go down");
		dir = next;
		at += (size_t)sprintf(long_path + at, "%s/", name);
	}
	must(close(openat(dir, "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) == 0 &&
		     symlinkat("bottom", dir, "link") == 0 && symlinkat("..", dir, "up") == 0 &&
		     close(dir) == 0,
	     "bottom");
}

static int open_long(int root, const char *end, bool follow, int flags)
{
	char path[sizeof(long_path) + 64];

	snprintf(path, sizeof(path), "%s%s", long_path, end);
	return outcome(follow ? tx_open_beneath(root, path, flags, 0600)
			      : tx_open_beneath_nofollow(root, path, flags, 0600));
}

static void test_long_paths(void)
{
	TX_FD root = -1;
	char many[3 * PATH_MAX];

	make_deep_tree();
	root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	tap_number(open_long(root, "bottom", true, O_RDONLY), 0, "a path of %zu bytes opens",
		   strlen(long_path));
	tap_number(open_long(root, "bottom", false, O_RDONLY), 0, "also where no link is followed");
	tap_number(open_long(root, "", true, O_RDONLY | O_DIRECTORY), 0,
		   "a slash at the end does not matter");
	tap_number(open_long(root, "new", true, O_WRONLY | O_CREAT | O_EXCL), 0,
		   "a file is made at its end");
	tap_number(open_long(root, "link", true, O_RDONLY), 0, "a link at its end is followed");
	tap_number(open_long(root, "link", false, O_RDONLY), -ELOOP,
		   "or is not, where that is asked");
	tap_number(open_long(root, "none", true, O_RDONLY), -ENOENT,
		   "what is not there is an error");
	for (size_t at = 0; at + 3 < sizeof(many); at += 3)
		memcpy(many + at, "../", 4);
	tap_number(outcome(tx_open_beneath(root, many, O_RDONLY, 0)), -EXDEV,
		   "a long path up is refused");
	memset(many, '/', sizeof(many));
	memcpy(many + sizeof(many) - 9, "dev/null", 9);
	tap_number(outcome(tx_open_beneath(root, many, O_RDONLY, 0)), -EXDEV,
		   "a long absolute path is refused");
	memset(many, 'n', sizeof(many));
	many[sizeof(many) - 1] = '\0';
	tap_number(outcome(tx_open_beneath(root, many, O_RDONLY, 0)), -ENAMETOOLONG,
		   "a name that no directory can hold is an error");
	for (size_t at = 0; at + 2 < sizeof(many); at += 2)
		memcpy(many + at, "./", 3);
	tap_number(outcome(tx_open_beneath(root, many, O_RDONLY, 0)), 0,
		   "a long way of standing still opens");
}

/* Every length around the border, so that the border falls on every part of a name. */
static void test_border(void)
{
	TX_FD root = open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int wrong = 0;

	for (size_t len = PATH_MAX - 20; len < PATH_MAX + 20; len++) {
		char path[PATH_MAX + 32];

		memset(path, '/', len);
		memcpy(path, "in", 2);
		memcpy(path + len - 4, "file", 5);
		wrong += outcome(tx_open_beneath(root, path, O_RDONLY, 0)) != 0;
		memcpy(path, "in", 2);
		memcpy(path + len - 9, "../outsid", 10);
		wrong += outcome(tx_open_beneath(root, path, O_RDONLY, 0)) >= 0;
	}
	tap_number(wrong, 0, "paths of about PATH_MAX bytes open, wherever they are cut");
}

/* ------------------------------------------------------------------ names */

static const struct {
	const char *name;
	unsigned char type;
} sorted[] = {
	{ "-dash", DT_REG }, { "...", DT_REG },       { "A", DT_REG },        { "a", DT_DIR },
	{ "a ", DT_REG },    { "a-b", DT_REG },       { "a.b", DT_LNK },      { "a0", DT_FIFO },
	{ "aa", DT_REG },    { "new\nline", DT_REG }, { "\xc3\xa4", DT_REG }, { "\xff", DT_REG },
};

#define SORTED (sizeof(sorted) / sizeof(*sorted))

static void make_names(void)
{
	for (size_t i = SORTED; i-- > 0;) {
		const char *name = sorted[i].name;
		int r = 0;

		if (sorted[i].type == DT_DIR)
			r = mkdir(name, 0755);
		else if (sorted[i].type == DT_LNK)
			r = symlink("nowhere", name);
		else if (sorted[i].type == DT_FIFO)
			r = mkfifo(name, 0644);
		else
			room_write(name, "");
		must(r == 0, name);
	}
}

static bool names_are_sorted(const struct tx_names *names)
{
	if (names->count != SORTED)
		return false;
	for (size_t i = 0; i < SORTED; i++) {
		unsigned char type = names->list[i].type;

		if (strcmp(names->list[i].name, sorted[i].name) ||
		    (type != sorted[i].type && type != DT_UNKNOWN)) {
			printf("# at %zu: got %s of type %d\n", i, names->list[i].name, type);
			return false;
		}
	}
	return true;
}

static void test_names(void)
{
	struct tx_names names;
	TX_FD dir = -1;

	must(mkdir("names", 0755) == 0 && chdir("names") == 0, "mkdir");
	dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tap_ok(tx_names_read(&names, dir) == 0 && names.count == 0,
	       "an empty directory has no names");
	tx_names_release(&names);
	make_names();
	tap_ok(tx_names_read(&names, dir) == 0 && names_are_sorted(&names),
	       "names come in the order of their bytes, with their types");
	tx_names_release(&names);
	tap_ok(names.list == NULL && names.count == 0, "what was released is empty");
	tap_ok(tx_names_read(&names, dir) == 0 && names_are_sorted(&names),
	       "a directory is read from its start each time");
	tx_names_release(&names);
	tap_ok(fcntl(dir, F_GETFD) >= 0, "its descriptor stays open");
	tap_number(tx_names_read(&names, -1), -EBADF, "a failure is the negative errno");
	tap_ok(names.list == NULL && names.count == 0, "and gives nothing that must be released");
	must(chdir("..") == 0, "back");
}

static void test_many_names(void)
{
	struct tx_names names;
	TX_FD dir = -1;
	char name[256];
	size_t wrong = 0;

	must(mkdir("many", 0755) == 0 && chdir("many") == 0, "mkdir");
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%05d%0200d", (i * 7919) % 3000, 0);
		room_write(name, "");
	}
	dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tap_number(tx_names_read(&names, dir), 0, "a large directory is read");
	tap_number((long long)names.count, 3000, "to its end");
	for (size_t i = 0; i < names.count; i++) {
		snprintf(name, sizeof(name), "%05zu%0200d", i, 0);
		wrong += strcmp(name, names.list[i].name) != 0;
	}
	tap_number((long long)wrong, 0, "in order");
	tx_names_release(&names);
	must(chdir("..") == 0, "back");
}

static void test_proc_path(void)
{
	char path[TX_PROC_ROOM];

	tx_proc_path(path, 7);
	tap_string(path, "/proc/self/fd/7", "a descriptor has a path");
	tx_proc_path(path, INT_MAX);
	tap_string(path, "/proc/self/fd/2147483647", "and the largest one's fits");
}

int main(void)
{
	fill_much();
	room_open();
	test_write_stream();
	test_read_stream();
	test_files();
	test_limit();
	test_broken_pipe();
	test_beneath();
	test_opening();
	test_long_paths();
	test_border();
	test_names();
	test_many_names();
	test_proc_path();
	room_close();
	return tap_done();
}
