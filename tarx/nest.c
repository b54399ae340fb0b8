#include "tarx/nest.h"

#include "align/cleanup.h"
#include "align/volume.h"
#include "tarx/pax.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A size that no file reaches, and whose record is as long as one can be. */
#define LARGEST ((off_t)1 << 62)

struct nest {
	struct tarx_creation *c; /* borrowed */
	const struct tarx_operand *operand; /* borrowed */
	int base; /* borrowed */
	struct tarx_item item; /* the member; its size is known when the tar is whole */
	struct timespec began;
	struct align_tally before;
};

static int fail(const struct nest *nest, const struct tx_err *err)
{
	return tarx_fatal(nest->c->report, "%s: %s", nest->item.path, err->text);
}

static int fill_item(struct nest *nest)
{
	struct tarx_creation *c = nest->c;
	struct tarx_owners *owners = c->wants.numeric ? NULL : &c->owners;
	struct tarx_item *item = &nest->item;

	*item = (struct tarx_item){
		.path = tarx_tree_stored(c, nest->operand->nest),
		.mode = S_IFREG | 0600,
		.uid = geteuid(),
		.gid = getegid(),
		.data = { .fd = -1 },
	};
	if (!strcmp(item->path, "."))
		return tarx_fatal(c->report, "--nest: %s: not a name for a member",
				  nest->operand->nest);
	if (owners) {
		item->uname = tarx_owners_name(owners, TARX_USER, item->uid);
		item->gname = tarx_owners_name(owners, TARX_GROUP, item->gid);
	}
	clock_gettime(CLOCK_REALTIME, &item->mtime);
	tarx_override_apply(&c->report->opts->override, owners, item);
	return 0;
}

/* ------------------------------------------------------------------ the tree */

static int archive_tree(const struct nest *nest)
{
	struct tarx_creation *c = nest->c;
	const char *dir = nest->operand->path;
	size_t len = strlen(dir);
	TX_FREE char *path = NULL;
	int r;

	/* "/." so that a symbolic link to a directory stands for it, as with -C. */
	if (asprintf(&path, "%s/.", dir) < 0) {
		path = NULL;
		return tarx_fatal(c->report, "out of memory");
	}
	c->with_root = len > 2 && !strcmp(dir + len - 2, "/.");
	r = c->overlay == TARX_OVERLAY_DIFF ? tarx_tree_diff(c, nest->base, path, "")
					    : tarx_tree_seen(c, nest->base, path, "");
	c->with_root = false;
	return r;
}

/* Links of the nested tar name its own members only. */
static int archive_apart(const struct nest *nest)
{
	struct tarx_creation *c = nest->c;
	struct tarx_links outer = c->links;
	int r;

	c->links = (struct tarx_links){ 0 };
	r = archive_tree(nest);
	if (r == 0)
		tarx_tree_check_links(c);
	tarx_links_release(&c->links);
	c->links = outer;
	return r;
}

/* ------------------------------------------------------------------ the member's header */

static int encode(const struct nest *nest, off_t size, struct tx_err *err)
{
	struct tarx_item item = nest->item;

	item.size = size;
	return tarx_header_encode(&nest->c->adder.header, &item, err);
}

/* The header in the adder grows until the payload begins on the alignment, if it can. 0 or -errno. */
static int align_header(const struct nest *nest, struct tx_err *err)
{
	struct tarx_adder *adder = &nest->c->adder;
	ssize_t r = tarx_header_align(&adder->header, adder->writer.at, adder->align, err);

	return r < 0 && r != -E2BIG ? (int)r : 0;
}

/* The length of a header that any size fits in. Where that of an ordinary member, of a size without a record
 * of its own, has room for one, it is as long as that. 0 or -errno. */
static int measure_header(const struct nest *nest, size_t *len, struct tx_err *err)
{
	const struct tarx_header *header = &nest->c->adder.header;
	size_t usual;
	int r = encode(nest, 0, err);

	if (r == 0)
		r = align_header(nest, err);
	usual = header->len;
	if (r == 0)
		r = encode(nest, LARGEST, err);
	if (r == 0 && header->len > usual)
		r = align_header(nest, err);
	*len = header->len > usual ? header->len : usual;
	return r;
}

/* The header for the size that is known now is in the adder, LEN bytes long, and counted. */
static int make_header(const struct nest *nest, size_t len, struct tx_err *err)
{
	struct tarx_header *header = &nest->c->adder.header;
	struct tarx_report *report = nest->c->report;
	int r = encode(nest, nest->item.size, err);

	if (r < 0)
		return r;
	report->header_bytes += header->len;
	report->padding_bytes += len - header->len;
	return tarx_header_extend(header, len, err);
}

/* ------------------------------------------------------------------ into a file */

/* LEN zeros stand for it. */
static int reserve_header(const struct nest *nest, size_t *len, struct tx_err *err)
{
	static const char zeros[TARX_BLOCK];
	int r = measure_header(nest, len, err);

	for (size_t at = 0; r == 0 && at < *len; at += TARX_BLOCK)
		r = tarx_writer_bytes(&nest->c->adder.writer, zeros, TARX_BLOCK, err);
	return r;
}

static int write_in_place(struct nest *nest, struct tx_err *err)
{
	struct tarx_adder *adder = &nest->c->adder;
	struct tarx_writer *writer = &adder->writer;
	uint64_t at = writer->at;
	size_t len;

	if (reserve_header(nest, &len, err) < 0)
		return fail(nest, err);
	if (archive_apart(nest) < 0)
		return -1;
	if (tarx_writer_end(writer, at + len, adder->align, 0, err) < 0)
		return fail(nest, err);
	nest->item.size = (off_t)(writer->at - at - len);
	if (make_header(nest, len, err) < 0 ||
	    tarx_writer_patch(writer, at, adder->header.bytes, len, err) < 0)
		return fail(nest, err);
	return 0;
}

/* ------------------------------------------------------------------ for a stream */

/* A file without a name in the directory DIR. The descriptor or -errno. */
static int open_unnamed(int base, const char *dir)
{
	TX_FREE char *name = NULL;
	int fd = openat(base, dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0 || base != AT_FDCWD)
		return fd < 0 ? -errno : fd;
	/* Not every file system makes such files. */
	if (asprintf(&name, "%s/tarx.XXXXXX", dir) < 0) {
		name = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(name);
	return fd;
}

/* Where what is in the directory can be shared with a file on its own file system it costs nothing there. BLOCK
 * becomes that one's block, or 0. The descriptor or -errno. */
static int open_aside(const struct nest *nest, int dir, uint32_t *block, struct tx_err *err)
{
	const struct tarx_adder *adder = &nest->c->adder;
	const char *place = getenv("TMPDIR");
	struct align_volume volume;
	int fd = -1;

	*block = 0;
	if (adder->mover.reflink != ALIGN_REFLINK_NEVER &&
	    align_volume_probe(&volume, dir, err) == 0 && volume.clones &&
	    adder->align >= volume.block)
		fd = open_unnamed(dir, ".");
	if (fd >= 0) {
		*block = volume.block;
		return fd;
	}
	if (!place || !*place)
		place = "/var/tmp";
	fd = open_unnamed(AT_FDCWD, place);
	return fd < 0 ? tx_fail(err, -fd, "make a temporary file in %s", place) : fd;
}

/* Writes the nested tar to the file FD. What was shared with that file is copied in the archive. */
static int write_aside(struct nest *nest, int fd, uint32_t block, struct tx_err *err)
{
	struct tarx_adder *adder = &nest->c->adder;
	struct align_tally *tally = adder->mover.tally, before = *tally, now;
	struct tarx_writer outer = adder->writer;
	int r = tarx_writer_into(&adder->writer, fd, err);

	adder->mover.block = block;
	if (r < 0)
		fail(nest, err);
	else
		r = archive_apart(nest);
	if (r == 0 && tarx_writer_finish(&adder->writer, adder->align, false, err) < 0)
		r = fail(nest, err);
	now = *tally;
	*tally = before;
	tally->copied += now.cloned - before.cloned + now.copied - before.copied;
	tally->hole += now.hole - before.hole;
	nest->item.size = (off_t)adder->writer.at;
	outer.padding += adder->writer.padding;
	tarx_writer_release(&adder->writer);
	adder->writer = outer;
	adder->mover.block = 0;
	return r;
}

/* As long as in a file: the archive's bytes do not depend on where they go. */
static int put_header(const struct nest *nest, struct tx_err *err)
{
	struct tarx_adder *adder = &nest->c->adder;
	size_t len;
	int r = measure_header(nest, &len, err);

	if (r == 0)
		r = make_header(nest, len, err);
	return r < 0 ? r : tarx_writer_bytes(&adder->writer, adder->header.bytes, len, err);
}

/* The whole tar in the file FD becomes the member. */
static int put(struct nest *nest, int fd, struct tx_err *err)
{
	struct tarx_adder *adder = &nest->c->adder;
	struct align_tally *tally = adder->mover.tally, counted = *tally;
	const struct align_span span = { .fd = fd, .len = nest->item.size };
	struct align_moved moved;
	struct tx_err source_err;
	int r = put_header(nest, err);

	if (r == 0)
		r = tarx_writer_payload(&adder->writer, &adder->mover, &span, &moved, &source_err,
					err);
	*tally = counted;
	if (r == 0 && moved.source_failed) {
		*err = source_err;
		return -err->code;
	}
	if (r == 0 && moved.bytes < span.len)
		return tx_reject(err, EIO, "its temporary file is too short");
	return r;
}

static int write_by_way_of_a_file(struct nest *nest, int dir, struct tx_err *err)
{
	uint32_t block;
	TX_FD fd = open_aside(nest, dir, &block, err);

	if (fd < 0)
		return fail(nest, err);
	if (write_aside(nest, fd, block, err) < 0)
		return -1;
	return put(nest, fd, err) < 0 ? fail(nest, err) : 0;
}

/* ------------------------------------------------------------------ one nested tar */

/* Every member of it was reported, and now it is, as one. */
static void report(struct nest *nest)
{
	struct tarx_report *report = nest->c->report;

	report->member_start = nest->began;
	report->member_tally = nest->before;
	tarx_report_member(report, &nest->item);
}

int tarx_nest_add(struct tarx_creation *c, int base, const struct tarx_operand *operand)
{
	struct nest nest = { .c = c, .operand = operand, .base = base };
	TX_FD dir = openat(base, operand->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct tx_err err;
	int r;

	if (dir < 0)
		return tarx_fatal(c->report, "%s: open the directory: %s", operand->path,
				  strerror(errno));
	if (fill_item(&nest) < 0)
		return -1;
	tarx_report_begin(c->report);
	nest.began = c->report->member_start;
	nest.before = c->report->member_tally;
	tarx_links_forget(&c->links, nest.item.path);
	r = c->adder.writer.stream ? write_by_way_of_a_file(&nest, dir, &err)
				   : write_in_place(&nest, &err);
	if (r < 0)
		return r;
	report(&nest);
	return tarx_tree_finish_removals(c);
}
