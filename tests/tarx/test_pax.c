#include "tarx/pax.h"

#include "align/block.h"
#include "tests/lib/tap.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB  (1u << 20)
#define NONE SIZE_MAX

/* ------------------------------------------------------------------ headers, made by hand */

static unsigned int checksum(const char *header)
{
	unsigned int sum = 8 * ' ';

	for (int i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? 0 : (unsigned char)header[i];
	return sum;
}

static void put_ustar(char *to, const char *name, char type, size_t size)
{
	size_t len = strlen(name);

	memset(to, 0, 512);
	memcpy(to, name, len < 100 ? len : 100);
	memcpy(to + 100,
	       "0000644\0"
	       "0001750\0"
	       "0001751",
	       24);
	snprintf(to + 124, 12, "%011zo", size);
	memcpy(to + 136, "14524770400", 12); /* 1700000000 */
	to[156] = type;
	memcpy(to + 257,
	       "ustar\0"
	       "00",
	       8);
	memcpy(to + 265, "user", 5);
	memcpy(to + 297, "group", 6);
	snprintf(to + 148, 8, "%06o", checksum(to));
	to[155] = ' ';
}

/* The length of a record with so many bytes besides its digits. */
static size_t record_total(size_t rest)
{
	char digits[24];
	size_t n = rest + 1;

	while (rest + (size_t)snprintf(digits, sizeof(digits), "%zu", n) != n)
		n++;
	return n;
}

/* Appends the record "LENGTH KEY=VALUE\n"; returns the new length. */
static size_t put_record(char *to, size_t at, const char *key, const char *value, size_t value_len)
{
	size_t n = record_total(strlen(key) + value_len + 3);

	at += (size_t)sprintf(to + at, "%zu %s=", n, key);
	memcpy(to + at, value, value_len);
	to[at + value_len] = '\n';
	return at + value_len + 1;
}

/* A header for the member NAME of 5 bytes with these records, [x, body,] ustar. */
static size_t put_member(char *to, const char *name, const char *records, size_t size)
{
	size_t len = 0;

	if (size > 0) {
		put_ustar(to, "PaxHeaders/member", 'x', size);
		memset(to + 512, 0, align_up(size, 512));
		memcpy(to + 512, records, size);
		len = 512 + align_up(size, 512);
	}
	put_ustar(to + len, name, '0', 5);
	return len + 512;
}

/* ------------------------------------------------------------------ the rules */

/* One record at TEXT; 0: it is none. */
static size_t record_length(const char *text, size_t room)
{
	size_t n = 0, i = 0;

	while (i < room && text[i] >= '0' && text[i] <= '9')
		n = n * 10 + (size_t)(text[i++] - '0');
	if (i == 0 || i >= room || text[i] != ' ' || n > room || n < i + 4 || text[n - 1] != '\n' ||
	    !memchr(text + i, '=', n - i))
		return 0;
	return n;
}

static bool is_comment(const char *record, size_t len)
{
	const char *space = memchr(record, ' ', len);
	static const char key[] = " comment=";
	const char *value = space + strlen(key);

	if (memcmp(space, key, strlen(key)))
		return false;
	for (; value < record + len - 1; value++)
		if (*value <= ' ' || *value > '~')
			return false;
	return len <= 512;
}

/* What is wrong with a grown body, whose first OWN bytes were there before. */
static const char *body_fault(const char *body, size_t size, size_t own)
{
	size_t at = own;

	if (size % 512 == 0)
		return "the body's size is a multiple of 512";
	while (at < size) {
		size_t n = record_length(body + at, size - at);

		if (n == 0)
			return "the body is not made of records";
		if (!is_comment(body + at, n))
			return "a record behind the own ones is no good comment";
		at += n;
	}
	for (; at % 512; at++)
		if (body[at])
			return "the body's last block does not end in zeros";
	return NULL;
}

static const char *name_fault(const char *x)
{
	size_t len = strnlen(x, 100);

	if (len == 0)
		return "the x header has no name";
	if (len == 100)
		return "the x header's name fills its field";
	return x[len - 1] == '/' ? "the x header's name ends in a slash" : NULL;
}

static const char *checksum_fault(const char *header)
{
	return strtoul(header + 148, NULL, 8) == checksum(header) &&
			       !memcmp(header + 257, "ustar", 6)
		       ? NULL
		       : "a checksum is wrong";
}

/* A member whose header begins at AT, and that it ought to be. */
struct member {
	const char *name;
	const char *records;
	size_t own; /* bytes of records */
	uint64_t at;
	uint32_t align;
};

static const char *header_fault(const struct member *m, const char *bytes, size_t len)
{
	size_t size = 0, at = 0;
	const char *fault;

	if ((m->at + len) % m->align)
		return "the payload is not aligned";
	if (bytes[156] == 'x') {
		size = strtoul(bytes + 124, NULL, 8);
		at = 512 + align_up(size, 512);
		if (at + 512 != len)
			return "the body is not as long as it says";
		if (memcmp(bytes + 512, m->records, m->own))
			return "the own records are not first and unchanged";
		fault = name_fault(bytes);
		fault = fault ? fault : checksum_fault(bytes);
		fault = fault ? fault : body_fault(bytes + 512, size, m->own);
		if (fault)
			return fault;
	}
	if (at + 512 != len || bytes[at + 156] != '0')
		return "not one x header and one of the member";
	return checksum_fault(bytes + at);
}

/* How much it must grow, found by trying. */
static size_t padding_wanted(const struct member *m, size_t len)
{
	size_t more = 0;

	while ((m->at + len + more) % m->align)
		more += 512;
	for (;; more += m->align) {
		size_t body = m->own ? align_up(m->own, 512) + more : more - 512;

		if (more == 0 && (m->own == 0 || m->own % 512))
			return 0;
		if (more == 0 || (m->own == 0 && more < 1024))
			continue;
		return body <= (m->align <= 32768 ? 65536 : MIB - 512) ? more : NONE;
	}
}

/* ------------------------------------------------------------------ read with other eyes */

static const char *xattr_fault(struct archive_entry *entry, const char *value, size_t len)
{
	const char *name;
	const void *got;
	size_t got_len;

	if (archive_entry_xattr_reset(entry) != (value ? 1 : 0))
		return "libarchive reads another number of attributes";
	if (!value)
		return NULL;
	archive_entry_xattr_next(entry, &name, &got, &got_len);
	return strcmp(name, "user.k") || got_len != len || memcmp(got, value, len)
		       ? "libarchive reads another attribute"
		       : NULL;
}

static const char *entry_fault(struct archive *a, struct archive_entry *entry, const char *name,
			       const char *value, size_t value_len)
{
	char payload[8] = "";

	if (!archive_entry_pathname(entry) || strcmp(archive_entry_pathname(entry), name))
		return "libarchive reads another name";
	if (archive_entry_size(entry) != 5 || archive_read_data(a, payload, 8) != 5 ||
	    memcmp(payload, "bytes", 5))
		return "libarchive reads another payload";
	if (archive_entry_mtime(entry) != 1700000000 ||
	    archive_entry_mtime_nsec(entry) != (value ? 123456789 : 0))
		return "libarchive reads another time";
	if (archive_entry_uid(entry) != 1000 || strcmp(archive_entry_uname(entry), "user"))
		return "libarchive reads another owner";
	return xattr_fault(entry, value, value_len);
}

/* BYTES with the room behind them for a payload and an archive's end. */
static const char *reading_fault(char *bytes, size_t len, const char *name, const char *value,
				 size_t value_len)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	const char *fault = "libarchive does not read it";

	memset(bytes + len, 0, 3 * 512);
	memcpy(bytes + len, "bytes", 5);
	archive_read_support_format_tar(a);
	if (archive_read_open_memory(a, bytes, len + 3 * 512) == ARCHIVE_OK &&
	    archive_read_next_header(a, &entry) == ARCHIVE_OK)
		fault = entry_fault(a, entry, name, value, value_len);
	if (!fault && archive_read_next_header(a, &entry) != ARCHIVE_EOF)
		fault = "libarchive finds more than one member";
	archive_read_free(a);
	return fault;
}

/* ------------------------------------------------------------------ growing */

static char bytes[4 * MIB], records[2 * MIB], before[2 * MIB], value[2 * MIB];

struct count {
	long tried, wrong, refused, grown;
	bool seen[512]; /* lengths of bodies, modulo 512 */
};

static const char *grow_fault(struct member *m, struct count *count, size_t value_len)
{
	size_t len = put_member(bytes, m->name, records, m->own), more, want, grown;
	const char *fault;

	m->records = records;
	memcpy(before, bytes, len);
	want = padding_wanted(m, len);
	more = tarx_pax_padding(bytes, len, m->at, m->align);
	if (memcmp(before, bytes, len))
		return "asking changes the bytes";
	if (more != want)
		return "not the padding that the rules ask for";
	if (more == NONE) {
		count->refused++;
		return NULL;
	}
	memset(bytes + len + more, '#', 512);
	grown = tarx_pax_grow(bytes, len, more);
	count->grown += more > 0;
	if (grown != len + more)
		return "the new length is not the promised one";
	for (int i = 0; i < 512; i++)
		if (bytes[grown + (size_t)i] != '#')
			return "bytes behind the header were written";
	if (more == 0 && memcmp(before, bytes, len))
		return "growing by nothing changes the bytes";
	fault = header_fault(m, bytes, grown);
	return fault ? fault
		     : reading_fault(bytes, grown, m->name, m->own ? value : NULL, value_len);
}

/* GAP bytes are missing behind a header with an attribute of VALUE_LEN bytes; NONE: without own
 * records. */
static void try_one(struct count *count, uint32_t align, size_t gap, size_t value_len)
{
	static const uint64_t bases[] = { 0, 1, 7, 1 << 20, (uint64_t)1 << 33 };
	struct member m = { .name = "member", .align = align };
	size_t len;
	const char *fault;

	if (value_len != NONE) {
		m.own = put_record(records, 0, "mtime", "1700000000.123456789", 20);
		m.own = put_record(records, m.own, "SCHILY.xattr.user.k", value, value_len);
	}
	len = put_member(bytes, m.name, records, m.own);
	m.at = bases[count->tried % 5] * MIB * 2 + 4 * MIB - align_up(len, align) +
	       (align - gap) % align - (len - align_down(len, align));
	m.at = align_down(m.at, 512);
	while ((m.at + len + gap) % align)
		m.at += 512;
	fault = grow_fault(&m, count, value_len == NONE ? 0 : value_len);
	count->tried++;
	count->seen[m.own % 512] = true;
	if (!fault)
		return;
	if (count->wrong++ < 5)
		printf("# alignment %u, header of %zu bytes (records %zu) at %ju, gap %zu: %s\n",
		       align, len, m.own, (uintmax_t)m.at, gap, fault);
}

/* Every length of the records, in turn byte by byte, with the gaps at the edges. */
static void test_lengths(uint32_t align)
{
	const size_t gaps[] = {
		0, 512, 1024, 1536, align_down(align / 2, 512), align - 1024, align - 512
	};
	size_t step = align > 65536 ? 13 : 1;
	struct count count = { 0 };
	int seen = 0;

	for (size_t len = 0; len < 1100; len++)
		for (size_t i = 0; i < sizeof(gaps) / sizeof(*gaps); i++)
			if (gaps[i] < align && (i < 1 || len % step == 0))
				try_one(&count, align, gaps[i], len);
	for (int i = 0; i < 512; i++)
		seen += count.seen[i];
	tap_number(count.wrong, 0, "alignment %u: grown headers keep all rules, in %ld cases",
		   align, count.tried);
	tap_number(seen, 512, "(with records of every length)");
}

/* Every gap, with and without own records; those whose body fills its blocks among them. */
static void test_gaps(uint32_t align)
{
	struct count count = { 0 };
	size_t step = align > 65536 ? 512 * 97 : 512, two_blocks = 2 * (size_t)align, fills = 0;

	while ((put_record(records, 0, "mtime", "1700000000.123456789", 20) +
		put_record(records, 0, "SCHILY.xattr.user.k", value, fills)) %
	       512)
		fills++;
	for (size_t gap = 0; gap < two_blocks; gap += gap < 4096 ? 512 : step) {
		try_one(&count, align, gap % align, NONE);
		try_one(&count, align, gap % align, 1);
		try_one(&count, align, gap % align, fills - 1);
		try_one(&count, align, gap % align, fills);
		try_one(&count, align, gap % align, fills + 1);
	}
	tap_number(count.wrong, 0, "alignment %u: every gap is filled by the rules, in %ld cases",
		   align, count.tried);
	tap_ok(count.seen[0] && count.grown > 0, "(also bodies that fill their blocks)");
}

/* Records that leave no room below the limit. */
static void test_limits(uint32_t align, size_t from, size_t to, size_t step)
{
	const size_t gaps[] = { 0, 512, 1024, 4096 % align, align - 512 };
	struct count count = { 0 };

	for (size_t len = from; len < to; len += step)
		for (size_t i = 0; i < sizeof(gaps) / sizeof(*gaps); i++)
			if (gaps[i] < align)
				try_one(&count, align, gaps[i], len);
	tap_number(count.wrong, 0,
		   "alignment %u: no body grows past what readers take, in %ld cases", align,
		   count.tried);
	tap_ok(count.refused > 0, "(some had to be refused: %ld)", count.refused);
}

static void test_growing(void)
{
	static const uint32_t aligns[] = { 512, 1024, 4096, 32768, 65536, MIB };

	memset(value, 'v', sizeof(value));
	for (size_t i = 0; i < sizeof(aligns) / sizeof(*aligns); i++) {
		test_lengths(aligns[i]);
		test_gaps(aligns[i]);
	}
	test_limits(4096, 60000, 66000, 61);
	test_limits(32768, 31000, 66000, 499);
	test_limits(65536, 900000, 999000, 9973); /* larger records libarchive refuses */
	test_limits(MIB, 1, 66000, 9973);
}

/* ------------------------------------------------------------------ the x header's name */

static void test_names(void)
{
	static const char *const names[] = { "a",   "a/b",   "dir/",       "a/b/", "a//",
					     "/",   "//",    "",           ".",    "./",
					     "../", "a/../", "x/\xff\xfe", "a b" };
	char longest[101];

	for (size_t i = 0; i <= sizeof(names) / sizeof(*names); i++) {
		struct member m = { .at = 0, .align = 4096, .records = "" };
		size_t len, more;
		const char *fault;

		memset(longest, 'l', 100);
		longest[100] = '\0';
		m.name = i < sizeof(names) / sizeof(*names) ? names[i] : longest;
		len = put_member(bytes, m.name, NULL, 0);
		more = tarx_pax_padding(bytes, len, 0, 4096);
		len = tarx_pax_grow(bytes, len, more);
		fault = header_fault(&m, bytes, len);
		if (!tap_ok(!fault && more == 3584 &&
				    !memcmp(bytes + len - 512, m.name, strlen(m.name)),
			    "the x header of \"%.20s\" gets a name that readers take", m.name))
			printf("# %s\n", fault ? fault : "another length");
	}
}

/* ------------------------------------------------------------------ records out and in */

static const struct {
	const char *promise, *records, *key, *want;
} drops[] = {
	{ "the only record goes with its header", "8 a=bcd\n", "a", "" },
	{ "the first of three goes", "8 a=bcd\n8 b=cde\n8 c=def\n", "a", "8 b=cde\n8 c=def\n" },
	{ "the second of three goes", "8 a=bcd\n8 b=cde\n8 c=def\n", "b", "8 a=bcd\n8 c=def\n" },
	{ "the last of three goes", "8 a=bcd\n8 b=cde\n8 c=def\n", "c", "8 a=bcd\n8 b=cde\n" },
	{ "all of a keyword go", "8 a=bcd\n8 b=cde\n8 a=def\n", "a", "8 b=cde\n" },
	{ "a keyword that is not there changes nothing", "8 a=bcd\n", "b", "8 a=bcd\n" },
	{ "a keyword that begins alike stays", "9 ab=bcd\n", "a", "9 ab=bcd\n" },
	{ "a shorter keyword stays", "8 a=bcd\n", "ab", "8 a=bcd\n" },
	{ "a keyword within a value stays", "12 b=\n6 a=\n\n", "a", "12 b=\n6 a=\n\n" },
	{ "an equals sign within a value is the value's", "8 a=b=c\n", "a=b", "8 a=b=c\n" },
	{ "no header stays no header", "", "a", "" },
};

/* Whether the header holds just these records, and the member's own header is as it was. */
static bool has_records(const char *got, size_t len, const char *want)
{
	size_t size = strlen(want), head = size ? 512 + align_up(size, 512) : 0;
	char ustar[512];

	put_ustar(ustar, "member", '0', 5);
	if (len != head + 512 || memcmp(got + head, ustar, 512))
		return false;
	if (size == 0)
		return true;
	for (size_t i = 512 + size; i < head; i++)
		if (got[i])
			return false;
	return got[156] == 'x' && strtoul(got + 124, NULL, 8) == size && !checksum_fault(got) &&
	       !name_fault(got) && !memcmp(got + 512, want, size);
}

static void test_drop(void)
{
	char want[2048];
	size_t len, size;

	for (size_t i = 0; i < sizeof(drops) / sizeof(*drops); i++) {
		len = put_member(bytes, "member", drops[i].records, strlen(drops[i].records));
		len = tarx_pax_drop(bytes, len, drops[i].key);
		tap_ok(has_records(bytes, len, drops[i].want), "%s", drops[i].promise);
	}
	size = put_record(records, 0, "a", value, 700);
	size = put_record(records, size, "b", value, 300);
	want[put_record(want, 0, "b", value, 300)] = '\0';
	len = put_member(bytes, "member", records, size);
	tap_ok(has_records(bytes, tarx_pax_drop(bytes, len, "a"), want),
	       "a body that needs fewer blocks has fewer");
}

/* What is not as libarchive writes it is left alone, all of it. */
static void test_drop_strange(void)
{
	static const char *const strange[] = { "8 a=bcd\n9 b=cde\n", "8 a=bcd\nnonsense",
					       "8 a=bcd\n8 b=cdef",  "8 a=bcd\n99 b=cde\n",
					       "8 a=bcd\n8 b:cde\n", "8 a=bcd\n-8 b=cd\n" };

	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		char own[64];
		int n = snprintf(own, sizeof(own), "10 keep=1\n%s", strange[i]);
		size_t len = put_member(bytes, "member", own, (size_t)n);

		memcpy(before, bytes, len);
		tap_ok(tarx_pax_drop(bytes, len, "a") == len && !memcmp(bytes, before, len),
		       "a body that is no records is left alone, byte for byte (%zu)", i);
	}
}

/* A field of the ustar header, and whether the record that says KEY=VALUE is dispensable. */
static const struct {
	const char *promise, *key, *value;
	size_t offset;
	const char *field;
	bool goes;
} trims[] = {
	{ "a path that the header has goes", "path", "member", 0, "member", true },
	{ "another path stays", "path", "members", 0, "member", false },
	{ "a shorter path stays", "path", "membe", 0, "member", false },
	{ "an empty path stays", "path", "", 0, "member", false },
	{ "a link that the header has goes", "linkpath", "\xc3\xa4", 157, "\xc3\xa4", true },
	{ "another link stays", "linkpath", "b", 157, "a", false },
	{ "a link that fills its field goes", "linkpath",
	  "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
	  157,
	  "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
	  true },
	{ "a longer one stays", "linkpath",
	  "12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901",
	  157,
	  "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890",
	  false },
	{ "a user that the header has goes", "uname", "\xff", 265, "\xff", true },
	{ "another user stays", "uname", "other", 265, "user", false },
	{ "a user of 32 letters goes", "uname", "12345678901234567890123456789012", 265,
	  "12345678901234567890123456789012", true },
	{ "a group that the header has goes", "gname", "\xff", 297, "\xff", true },
	{ "another group stays", "gname", "group2", 297, "group", false },
	{ "a path cut in two goes", "path", "pre/fix/member", 345, "pre/fix", true },
	{ "one cut elsewhere stays", "path", "pre/fixmember", 345, "pre/fix", false },
	{ "one with another beginning stays", "path", "pre/fiy/member", 345, "pre/fix", false },
	{ "the last part alone stays", "path", "member", 345, "pre/fix", false },
	{ "a keyword that the header does not have stays", "SCHILY.x", "member", 0, "member",
	  false },
	{ "the size stays, whatever it is", "size", "5", 0, "member", false },
};

static void test_trim(void)
{
	for (size_t i = 0; i < sizeof(trims) / sizeof(*trims); i++) {
		size_t size = put_record(records, 0, trims[i].key, trims[i].value,
					 strlen(trims[i].value));
		size_t field = strlen(trims[i].field), len, got;

		size = put_record(records, size, "atime", "1", 1);
		len = put_member(bytes, "member", records, size);
		memset(bytes + len - 512 + trims[i].offset, 0, field > 100 ? 100 : 20);
		memcpy(bytes + len - 512 + trims[i].offset, trims[i].field, field);
		got = tarx_pax_trim(bytes, len);
		tap_ok(got == len && strtoul(bytes + 124, NULL, 8) == (trims[i].goes ? 11 : size) &&
			       !memcmp(bytes + 512 + (trims[i].goes ? 0 : size - 11),
				       "11 atime=1\n", 11),
		       "%s", trims[i].promise);
	}
}

static void test_record_size(void)
{
	long wrong = 0;

	for (size_t len = 0; len < 120000; len++)
		for (size_t key = 1; key < 4; key++)
			wrong += tarx_pax_record_size(key, len) != record_total(key + len + 3);
	tap_number(wrong, 0, "a record's length counts its own digits, whatever their number");
}

static void test_add(void)
{
	static const char odd[] = "a\0b\n9 c=ddd\n=";
	long wrong = 0;
	size_t len, size, want;

	memset(bytes, '#', 8192);
	len = put_member(bytes, "dir/", NULL, 0);
	len = tarx_pax_add(bytes, len, "mtime", "1700000000.123456789", 20);
	tap_ok(len == 3 * 512 && !checksum_fault(bytes) && !name_fault(bytes) &&
		       bytes[156] == 'x' &&
		       !memcmp(bytes + 512, "30 mtime=1700000000.123456789\n", 30),
	       "the first record brings an x header along");
	len = tarx_pax_add(bytes, len, "b", odd, sizeof(odd) - 1);
	tap_ok(len == 3 * 512 && !memcmp(bytes + 542, "19 b=", 5) &&
		       !memcmp(bytes + 547, odd, sizeof(odd) - 1) && !checksum_fault(bytes) &&
		       strtoul(bytes + 124, NULL, 8) == 49,
	       "the second stands behind it, with any bytes");
	len = tarx_pax_add(bytes, len, "empty", "", 0);
	tap_ok(len == 3 * 512 && !memcmp(bytes + 561, "9 empty=\n", 9), "a value may be empty");
	for (size_t n = 0; n < 1100; n++) {
		size = put_record(records, 0, "mtime", "1700000000.123456789", 20);
		len = put_member(bytes, "member", records, size);
		want = put_record(records, size, "SCHILY.xattr.user.k", value, n);
		memset(bytes + len + want, '#', 2048);
		len = tarx_pax_add(bytes, len, "SCHILY.xattr.user.k", value, n);
		wrong += len != 1024 + align_up(want, 512) || checksum_fault(bytes) ||
			 strtoul(bytes + 124, NULL, 8) != want ||
			 memcmp(bytes + 512, records, want) ||
			 reading_fault(bytes, len, "member", value, n);
	}
	tap_number(wrong, 0, "records of every length are added, and read back");
}

int main(void)
{
	test_growing();
	test_names();
	test_drop();
	test_drop_strange();
	test_trim();
	test_record_size();
	test_add();
	return tap_done();
}
