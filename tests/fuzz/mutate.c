/* Damages archives, over and over, and reads each as a file and as a stream:
 *
 *	mutate COUNT SEED ARCHIVE...
 *
 * Whatever the bytes are, the reader must come to an end, keep to what it promises of its items, and, where
 * it reads a member both ways, read the same. The same SEED damages in the same way. What broke a promise is left
 * in the file "broken.tar". */
#include "align/io.h"
#include "tarx/headers.h"
#include "tarx/pax.h"
#include "tarx/reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROOM         (512u << 10)
#define MEMBERS_MOST 64u
#define LARGE        (64 << 20) /* nothing in these archives is; what claims to be is not summed up */

struct dice {
	uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
	dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(dice->state >> 33) % sides;
}

/* ------------------------------------------------------------------ damage */

/* So that the damage is seen by more than the checksum. */
static void seal(unsigned char *block)
{
	unsigned int sum = 8 * ' ';
	char text[8];

	for (unsigned int i = 0; i < TARX_BLOCK; i++)
		sum += i >= TARX_AT_CHECKSUM && i < TARX_AT_CHECKSUM + 8 ? 0 : block[i];
	snprintf(text, sizeof(text), "%06o", sum & 0777777);
	memcpy(block + TARX_AT_CHECKSUM, text, 7);
	block[TARX_AT_CHECKSUM + 7] = ' ';
}

/* Most of an archive is zeros and the like; what has a meaning is hit more often. */
static size_t aim(struct dice *dice, const unsigned char *bytes, size_t len)
{
	size_t at = 0;

	for (unsigned int tries = 0; tries < 12; tries++) {
		at = roll(dice, (uint32_t)len);
		if (bytes[at] && bytes[at] != 'x')
			break;
	}
	return at;
}

static void damage_once(struct dice *dice, unsigned char *bytes, size_t *len)
{
	static const char odd[] = { '\0', '\xff', '\x80', '0', '9', ' ', '=', '\n', ',', '%',
				    '-',  'S',    'x',    'g', 'L', 'K', '7', '1',  'M', 'A' };
	size_t at = aim(dice, bytes, *len);

	switch (roll(dice, 8)) {
	case 0:
		bytes[at] ^= (unsigned char)(1u << roll(dice, 8));
		break;
	case 1:
		*len = at + 1;
		break;
	case 2: {
		size_t from = roll(dice, (uint32_t)*len) & ~511u, n = 512;

		at &= ~(size_t)511;
		if (from + n <= *len && at + n <= *len)
			memmove(bytes + at, bytes + from, n);
		break;
	}
	case 3: {
		size_t n = 1 + roll(dice, 12);

		for (size_t i = at; i < at + n && i < *len; i++)
			bytes[i] = (unsigned char)('0' + roll(dice, 10));
		break;
	}
	default:
		bytes[at] = (unsigned char)odd[roll(dice, sizeof(odd))];
	}
}

static void damage(struct dice *dice, unsigned char *bytes, size_t *len)
{
	unsigned int times = 1 + roll(dice, 4);
	bool was[ROOM / TARX_BLOCK] = { 0 };

	for (size_t at = 0; at + TARX_BLOCK <= *len; at += TARX_BLOCK)
		was[at / TARX_BLOCK] = tarx_block_is_header((const char *)bytes + at);
	while (times-- > 0)
		damage_once(dice, bytes, len);
	if (roll(dice, 8) == 0)
		return;
	for (size_t at = 0; at + TARX_BLOCK <= *len; at += TARX_BLOCK)
		if (was[at / TARX_BLOCK])
			seal(bytes + at);
}

/* ------------------------------------------------------------------ reading */

struct member {
	uint64_t sum; /* of its bytes and where they are; 0: not known */
	off_t size;
};

struct result {
	struct member members[MEMBERS_MOST];
	size_t count;
	int end; /* of the last call */
	const char *broken; /* a promise */
};

static void add_up(struct member *member, const void *bytes, size_t len, off_t off)
{
	const unsigned char *b = bytes;

	for (size_t i = 0; i < len; i++)
		member->sum += (b[i] + 1u) * (uint64_t)(off + (off_t)i + 1) * 2654435761u;
}

static const char *check_segments(const struct tarx_item *item)
{
	off_t end = 0;

	for (size_t i = 0; i < item->segment_count; i++) {
		const struct tarx_segment *s = &item->segments[i];

		if (s->off < end || s->len <= 0 || s->len > item->size - s->off)
			return "segments are in order, and within the file";
		if (item->data.fd >= 0 &&
		    (s->at < item->data.off || s->len > item->data.len - (s->at - item->data.off)))
			return "segments lie in the payload";
		end = s->off + s->len;
	}
	return NULL;
}

static const char *check_item(const struct tarx_item *item)
{
	if (!item->path || item->size < 0)
		return "an item has a path and a size";
	if ((item->hardlink || S_ISLNK(item->mode)) && !item->link)
		return "a link has a target";
	if (item->extra_len && item->extra[item->extra_len - 1] != '\n')
		return "extra records are whole";
	for (size_t i = 0; i < item->xattr_count; i++)
		if (!item->xattrs[i].name || (item->xattrs[i].len && !item->xattrs[i].value))
			return "attributes have names and values";
	return check_segments(item);
}

/* As it lies in the file. Not known: it is not all there. */
static void sum_file(const struct tarx_item *item, struct member *member)
{
	const struct tarx_segment whole = { 0, item->size, item->data.off };
	const struct tarx_segment *segments = item->segments ? item->segments : &whole;
	size_t count = item->segments ? item->segment_count : 1;
	char bytes[4096];

	member->sum = 1;
	for (size_t i = 0; i < count; i++) {
		for (off_t done = 0; done < segments[i].len;) {
			off_t left = segments[i].len - done;
			size_t n = left < (off_t)sizeof(bytes) ? (size_t)left : sizeof(bytes);

			if (tx_read_at(item->data.fd, bytes, n, segments[i].at + done) !=
			    (ssize_t)n) {
				member->sum = 0;
				return;
			}
			add_up(member, bytes, n, segments[i].off + done);
			done += (off_t)n;
		}
	}
}

static const char *sum_stream(struct tarx_reader *reader, const struct tarx_item *item,
			      struct member *member)
{
	struct tx_err err;
	const void *bytes;
	size_t len;
	off_t off;
	int r;

	member->sum = 1;
	while ((r = tarx_reader_block(reader, &bytes, &len, &off, &err)) > 0) {
		if (off < 0 || off > item->size || (off_t)len > item->size - off)
			return "the stream keeps within the file";
		add_up(member, bytes, len, off);
	}
	if (r < 0)
		member->sum = 0;
	return NULL;
}

static int read_members(struct tarx_reader *reader, const struct tarx_item *within,
			struct result *result);

static bool is_archive(const struct tarx_item *item)
{
	size_t len = strlen(item->path);

	return len > 4 && !strcmp(item->path + len - 4, ".tar");
}

/* How it ends is not the promise: through a pipe the archive around it may be found damaged first. */
static void read_nested(struct tarx_reader *reader, const struct tarx_item *item,
			struct result *result)
{
	struct tarx_reader nested;
	struct tx_err err;

	if (tarx_reader_open_nested(&nested, reader, item, &err) == 0)
		read_members(&nested, item, result);
	tarx_reader_release(&nested);
}

/* Whether a payload in a nested archive is part of that. */
static bool lies_in(const struct tarx_item *item, const struct tarx_item *within)
{
	off_t end = within->data.off + within->data.len;

	return item->data.fd < 0 ||
	       (item->data.off >= within->data.off && item->data.len <= end - item->data.off);
}

static void take_member(struct tarx_reader *reader, const struct tarx_item *item,
			const struct tarx_item *within, struct result *result)
{
	struct member *member = &result->members[result->count++];

	member->size = item->size;
	result->broken = check_item(item);
	if (!result->broken && within && !lies_in(item, within))
		result->broken = "what is in a nested archive lies in it";
	if (item->broken || item->hardlink || !S_ISREG(item->mode) || item->data.len > LARGE)
		return;
	if (!within && is_archive(item) && !result->broken)
		read_nested(reader, item, result);
	else if (item->data.fd >= 0)
		sum_file(item, member);
	else if (!result->broken)
		result->broken = sum_stream(reader, item, member);
}

static int read_members(struct tarx_reader *reader, const struct tarx_item *within,
			struct result *result)
{
	struct tarx_item item;
	struct tx_err err;
	int r = 1;

	while (!result->broken && result->count < MEMBERS_MOST &&
	       (r = tarx_reader_next(reader, &item, &err)) > 0)
		take_member(reader, &item, within, result);
	return r;
}

static void read_all(int fd, struct result *result)
{
	struct tarx_reader reader;
	struct tx_err err;
	char path[TX_PROC_ROOM];

	*result = (struct result){ 0 };
	tx_proc_path(path, fd);
	result->end = tarx_reader_open(&reader, path, &err);
	if (result->end >= 0)
		result->end = read_members(&reader, NULL, result);
	tarx_reader_release(&reader);
}

/* The bytes as a file; as a stream. The descriptor is the caller's. */
static int as_file(const void *bytes, size_t len)
{
	int fd = memfd_create("mutate", MFD_CLOEXEC);

	if (fd < 0 || tx_write_at(fd, bytes, len, 0) < 0)
		abort();
	return fd;
}

static int as_stream(const void *bytes, size_t len)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0 || fcntl(ends[1], F_SETPIPE_SZ, ROOM) < (int)ROOM ||
	    tx_write_stream(ends[1], bytes, len) < 0)
		abort();
	close(ends[1]);
	return ends[0];
}

static const char *compare(const struct result *a, const struct result *b)
{
	size_t count = a->count < b->count ? a->count : b->count;

	for (size_t i = 0; i < count; i++) {
		if (a->members[i].size != b->members[i].size)
			return "a file and a stream give the same sizes";
		if (a->members[i].sum && b->members[i].sum &&
		    a->members[i].sum != b->members[i].sum)
			return "a file and a stream give the same bytes";
	}
	return NULL;
}

static const char *try(const unsigned char *bytes, size_t len)
{
	static struct result file, stream;
	int fd = as_file(bytes, len);

	read_all(fd, &file);
	close(fd);
	fd = as_stream(bytes, len);
	read_all(fd, &stream);
	close(fd);
	if (file.broken)
		return file.broken;
	return stream.broken ? stream.broken : compare(&file, &stream);
}

/* ------------------------------------------------------------------ the run */

static size_t load(const char *path, unsigned char *bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : tx_read_at(fd, bytes, ROOM, 0);

	if (n <= 0 || n == ROOM) {
		fprintf(stderr, "mutate: %s: cannot be read, or is too large\n", path);
		exit(2);
	}
	close(fd);
	return (size_t)n;
}

/* For whoever looks for the reason, also where the program ends at once. */
static void leave(const unsigned char *bytes, size_t len)
{
	int fd = open("broken.tar", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || tx_write_at(fd, bytes, len, 0) < 0)
		abort();
	close(fd);
}

int main(int argc, char **argv)
{
	static unsigned char whole[ROOM], bytes[ROOM];

	if (argc < 4) {
		fputs("usage: mutate COUNT SEED ARCHIVE...\n", stderr);
		return 2;
	}
	for (int i = 3; i < argc; i++) {
		struct dice dice = { strtoull(argv[2], NULL, 10) + (unsigned int)i };
		size_t whole_len = load(argv[i], whole);

		for (unsigned long n = strtoul(argv[1], NULL, 10); n > 0; n--) {
			size_t len = whole_len;
			const char *broken;

			memcpy(bytes, whole, len);
			damage(&dice, bytes, &len);
			leave(bytes, len);
			broken = try(bytes, len);
			if (broken) {
				printf("%s: not so: %s\n", argv[i], broken);
				return 1;
			}
		}
	}
	return unlink("broken.tar") < 0;
}
