/* How many bytes lie in extents that other files use too, and how many are mapped at all:
 *
 *	shared FILE [OFFSET LENGTH]	of a file or a part of it
 *	shared -a FILE...		of all the files together
 *	shared -p FILE			of the parts that standard input names, "OFFSET LENGTH" a line
 *
 * Prints "SHARED MAPPED". */
#include "align/cleanup.h"
#include "align/extent.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct sum {
	uint64_t shared, mapped;
};

static int add_range(struct sum *sum, int fd, off_t off, off_t len, struct tx_err *err)
{
	uint64_t shared = 0, mapped = 0;
	int r = align_extent_shared(fd, off, len, &shared, &mapped, err);

	sum->shared += shared;
	sum->mapped += mapped;
	return r;
}

static int open_file(const char *name, struct tx_err *err)
{
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? tx_fail(err, errno, "open") : fd;
}

static int add_file(struct sum *sum, const char *name, off_t off, off_t len, struct tx_err *err)
{
	TX_FD fd = open_file(name, err);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return tx_fail(err, errno, "stat");
	/* Without a length only what the file has: its last block may reach beyond its end. */
	if (len == 0)
		len = st.st_size - off;
	return len > 0 ? add_range(sum, fd, off, len, err) : 0;
}

static int add_listed(struct sum *sum, const char *name, struct tx_err *err)
{
	TX_FD fd = open_file(name, err);
	intmax_t off, len;
	int r = fd < 0 ? fd : 0;

	while (r >= 0 && scanf("%jd %jd", &off, &len) == 2) {
		if (len > 0)
			r = add_range(sum, fd, (off_t)off, (off_t)len, err);
	}
	return r;
}

static int fail(const char *name, const struct tx_err *err)
{
	fprintf(stderr, "shared: %s: %s\n", name, err->text);
	return 1;
}

int main(int argc, char **argv)
{
	struct sum sum = {0, 0};
	struct tx_err err = {0};
	intmax_t off = 0, len = 0;

	if (argc == 3 && !strcmp(argv[1], "-p")) {
		if (add_listed(&sum, argv[2], &err) < 0)
			return fail(argv[2], &err);
	} else if (argc >= 2 && !strcmp(argv[1], "-a")) {
		for (int i = 2; i < argc; i++) {
			if (add_file(&sum, argv[i], 0, 0, &err) < 0)
				return fail(argv[i], &err);
		}
	} else if (argc == 2 || (argc == 4 && sscanf(argv[2], "%jd", &off) == 1 &&
				 sscanf(argv[3], "%jd", &len) == 1)) {
		if (add_file(&sum, argv[1], (off_t)off, (off_t)len, &err) < 0)
			return fail(argv[1], &err);
	} else {
		fputs("usage: shared FILE [OFFSET LENGTH] | -a FILE... | -p FILE\n", stderr);
		return 2;
	}
	printf("%" PRIu64 " %" PRIu64 "\n", sum.shared, sum.mapped);
	return 0;
}
