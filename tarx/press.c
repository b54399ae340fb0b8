#include "tarx/press.h"

#include "align/cleanup.h"
#include "align/io.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct tarx_presser {
	struct archive *archive; /* owned; NULL: it is a command */
	int out; /* borrowed */
	int error; /* errno of a failed write */
	char *command; /* owned; or NULL */
	int pipe; /* owned: to the command; else -1 */
	pid_t pid; /* of the command; 0: it was waited for */
	struct sigaction pipe_before; /* what SIGPIPE did */
};

/* ------------------------------------------------------------------ a command */

extern char **environ;

/* Runs COMMAND in a shell. The process, or -errno. */
static pid_t run(const char *command, int in, int out)
{
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char *)(uintptr_t)command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	pid_t pid;
	int r;

	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = posix_spawn(&pid, "/bin/sh", &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r ? -r : pid;
}

/* How COMMAND ended. 0, or -errno: badly. */
static int wait_for(pid_t pid, const char *command, struct tx_err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return tx_fail(err, errno, "wait for %s", command);
	if (WIFSIGNALED(status))
		return tx_reject(err, EIO, "%s: ended by signal %d", command, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return tx_reject(err, EIO, "%s: ended with exit status %d", command,
				 WEXITSTATUS(status));
	return 0;
}

static int open_command(struct tarx_presser *presser, const char *command, struct tx_err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	int ends[2];

	presser->command = strdup(command);
	if (!presser->command)
		return tx_fail(err, ENOMEM, "run %s", command);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return tx_fail(err, errno, "run %s", command);
	presser->pipe = ends[1];
	presser->pid = run(command, ends[0], presser->out);
	close(ends[0]);
	if (presser->pid < 0) {
		int code = -presser->pid;

		presser->pid = 0;
		return tx_fail(err, code, "run %s", command);
	}
	/* A command that ends early is a failed write, and the archive is given up in order. */
	sigaction(SIGPIPE, &ignore, &presser->pipe_before);
	return 0;
}

static int end_command(struct tarx_presser *presser, struct tx_err *err)
{
	pid_t pid = presser->pid;

	tx_fd_release(&presser->pipe);
	presser->pid = 0;
	if (!pid)
		return 0;
	sigaction(SIGPIPE, &presser->pipe_before, NULL);
	return wait_for(pid, presser->command, err);
}

static int write_command(struct tarx_presser *presser, const void *bytes, size_t n,
			 struct tx_err *err)
{
	int r = tx_write_stream(presser->pipe, bytes, n);

	if (r == 0)
		return 0;
	if (r != -EPIPE)
		return tx_fail(err, -r, "write to %s", presser->command);
	if (end_command(presser, err) < 0)
		return -err->code;
	return tx_reject(err, EPIPE, "%s: ended before it had read all", presser->command);
}

/* ------------------------------------------------------------------ libarchive */

static int add_filter(struct archive *a, enum tarx_press press)
{
	switch (press) {
	case TARX_PRESS_GZIP:
		return archive_write_add_filter_gzip(a);
	case TARX_PRESS_BZIP2:
		return archive_write_add_filter_bzip2(a);
	case TARX_PRESS_XZ:
		return archive_write_add_filter_xz(a);
	case TARX_PRESS_ZSTD:
		return archive_write_add_filter_zstd(a);
	case TARX_PRESS_LZ4:
		return archive_write_add_filter_lz4(a);
	case TARX_PRESS_LZMA:
		return archive_write_add_filter_lzma(a);
	case TARX_PRESS_LZIP:
		return archive_write_add_filter_lzip(a);
	default:
		return archive_write_add_filter_compress(a);
	}
}

static la_ssize_t take_bytes(struct archive *a, void *data, const void *bytes, size_t n)
{
	struct tarx_presser *presser = data;
	int r = tx_write_stream(presser->out, bytes, n);

	if (r == 0)
		return (la_ssize_t)n;
	presser->error = -r;
	archive_set_error(a, -r, "write: %s", strerror(-r));
	return -1;
}

static int complain(struct tarx_presser *presser, struct tx_err *err)
{
	const char *why = archive_error_string(presser->archive);

	if (presser->error)
		return tx_fail(err, presser->error, "write");
	return tx_reject(err, EIO, "compress: %s", why ? why : "it failed");
}

/* The bytes go through libarchive as one file of a format that adds nothing. */
static int begin(struct archive *a, struct tarx_presser *presser)
{
	struct archive_entry *entry = archive_entry_new();
	int r = ARCHIVE_FATAL;

	if (entry && archive_write_open(a, presser, NULL, take_bytes, NULL) == ARCHIVE_OK) {
		archive_entry_set_filetype(entry, S_IFREG);
		r = archive_write_header(a, entry);
	}
	archive_entry_free(entry);
	return r;
}

static int open_filter(struct tarx_presser *presser, enum tarx_press press, struct tx_err *err)
{
	struct archive *a = archive_write_new();

	presser->archive = a;
	if (!a)
		return tx_fail(err, ENOMEM, "compress");
	if (add_filter(a, press) < ARCHIVE_WARN)
		return complain(presser, err);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_in_last_block(a, 1);
	/* Two runs give the same archive. */
	if (press == TARX_PRESS_GZIP)
		archive_write_set_filter_option(a, "gzip", "timestamp", NULL);
	return begin(a, presser) < ARCHIVE_WARN ? complain(presser, err) : 0;
}

static int write_filter(struct tarx_presser *presser, const void *bytes, size_t n,
			struct tx_err *err)
{
	while (n > 0) {
		la_ssize_t done = archive_write_data(presser->archive, bytes, n);

		if (done <= 0)
			return complain(presser, err);
		bytes = (const char *)bytes + done;
		n -= (size_t)done;
	}
	return 0;
}

/* ------------------------------------------------------------------ either */

struct tarx_presser *tarx_presser_open(enum tarx_press press, const char *command, int fd,
				       struct tx_err *err)
{
	struct tarx_presser *presser = calloc(1, sizeof(*presser));
	int r;

	if (!presser) {
		tx_fail(err, ENOMEM, "compress");
		return NULL;
	}
	*presser = (struct tarx_presser){ .out = fd, .pipe = -1 };
	r = press == TARX_PRESS_COMMAND ? open_command(presser, command, err)
					: open_filter(presser, press, err);
	if (r == 0)
		return presser;
	tarx_presser_free(presser);
	return NULL;
}

int tarx_presser_write(struct tarx_presser *presser, const void *bytes, size_t n,
		       struct tx_err *err)
{
	return presser->archive ? write_filter(presser, bytes, n, err)
				: write_command(presser, bytes, n, err);
}

int tarx_presser_finish(struct tarx_presser *presser, struct tx_err *err)
{
	if (!presser->archive)
		return end_command(presser, err);
	return archive_write_close(presser->archive) < ARCHIVE_WARN ? complain(presser, err) : 0;
}

void tarx_presser_free(struct tarx_presser *presser)
{
	struct tx_err err;

	if (!presser)
		return;
	if (presser->pid) {
		kill(presser->pid, SIGTERM); /* what it wrote is given up */
		end_command(presser, &err);
	}
	if (presser->archive) {
		archive_write_fail(presser->archive);
		archive_write_free(presser->archive);
	}
	tx_fd_release(&presser->pipe);
	free(presser->command);
	free(presser);
}

/* ------------------------------------------------------------------ reading */

pid_t tarx_unpresser_open(const char *command, const char *archive, struct tx_err *err)
{
	TX_FD own = strcmp(archive, "-") ? open(archive, O_RDONLY | O_CLOEXEC) : -1;
	TX_FREE char *line = NULL;
	TX_FD from = -1;
	int ends[2];
	pid_t pid;

	if (strcmp(archive, "-") && own < 0)
		return tx_fail(err, errno, "%s: open", archive);
	if (asprintf(&line, "%s -d", command) < 0) {
		line = NULL;
		return tx_fail(err, ENOMEM, "run %s", command);
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return tx_fail(err, errno, "run %s", line);
	from = ends[0];
	pid = run(line, own >= 0 ? own : STDIN_FILENO, ends[1]);
	close(ends[1]);
	if (pid < 0 || dup2(from, STDIN_FILENO) < 0)
		return tx_fail(err, pid < 0 ? -pid : errno, "run %s", line);
	return pid;
}

int tarx_unpresser_finish(pid_t pid, const char *command, struct tx_err *err)
{
	char rest[8192];

	/* Behind an archive's end there may be more, that the command wants to be rid of. */
	while (tx_read_stream(STDIN_FILENO, rest, sizeof(rest)) > 0)
		;
	return wait_for(pid, command, err);
}
