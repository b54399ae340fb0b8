#include "tarx/records.h"

#include <string.h>

#define RECORD_LEAST 5u /* "5 a=\n" */
#define OTHERS_LEAST 8u /* shorter ones may be words */
#define BILLION      1000000000l

bool tarx_number(const char *text, size_t len, uint64_t most, uint64_t *number)
{
	uint64_t n = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(unsigned char)text[i] - '0';

		if (text[i] < '0' || text[i] > '9' || digit > most || n > (most - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return true;
}

bool tarx_record_cut(struct tarx_record *record, const char *text, size_t room)
{
	const char *space = memchr(text, ' ', room), *end, *equals;
	uint64_t len;

	if (!space || !tarx_number(text, (size_t)(space - text), room, &len))
		return false;
	if (len < RECORD_LEAST || (size_t)(space - text) + 3 > len)
		return false;
	end = text + len - 1;
	record->key = space + 1;
	equals = memchr(record->key, '=', (size_t)(end - record->key));
	if (!equals || *end != '\n')
		return false;
	record->len = (size_t)len;
	record->key_len = (size_t)(equals - record->key);
	record->value = equals + 1;
	record->value_len = (size_t)(end - record->value);
	return record->key_len > 0;
}

bool tarx_record_is(const struct tarx_record *record, const char *key)
{
	return record->key_len == strlen(key) && !memcmp(record->key, key, record->key_len);
}

bool tarx_record_begins(const struct tarx_record *record, const char *prefix)
{
	size_t len = strlen(prefix);

	return record->key_len >= len && !memcmp(record->key, prefix, len);
}

/* ------------------------------------------------------------------ what a record is for */

/* Ours, and that of others who fill in the same way: one character, over and over. */
static bool is_filling(const struct tarx_record *record)
{
	if (record->value_len < OTHERS_LEAST && (!record->value_len || *record->value != '.'))
		return false;
	return record->value_len < 2 ||
	       !memcmp(record->value, record->value + 1, record->value_len - 1);
}

/* Others that begin with "tarx." are a later tarx', and kept. */
static bool is_our_fact(const struct tarx_record *record)
{
	static const char *const ours[] = { "tarx.fflags=", "tarx.projid=", "tarx.subvolume=" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (record->value_len >= strlen(ours[i]) &&
		    !memcmp(record->value, ours[i], strlen(ours[i])))
			return true;
	return false;
}

enum tarx_record_use tarx_record_use(const struct tarx_record *record)
{
	static const char *const facts[] = {
		"path",
		"linkpath",
		"size",
		"uid",
		"gid",
		"uname",
		"gname",
		"mtime",
		"hdrcharset",
		"SCHILY.acl.access",
		"SCHILY.acl.default",
		"SCHILY.fflags",
		"SCHILY.realsize",
		"SCHILY.devmajor",
		"SCHILY.devminor",
		"SUN.holesdata",
		"SUN.devmajor",
		"SUN.devminor",
		"RHT.security.selinux",
	};
	static const char *const families[] = { "GNU.sparse.", "SCHILY.xattr.",
						"LIBARCHIVE.xattr." };

	if (tarx_record_is(record, "comment")) {
		if (is_our_fact(record))
			return TARX_RECORD_FACT;
		return is_filling(record) ? TARX_RECORD_PADDING : TARX_RECORD_EXTRA;
	}
	if (tarx_record_is(record, "LIBARCHIVE.pad"))
		return TARX_RECORD_PADDING;
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		if (tarx_record_is(record, facts[i]))
			return TARX_RECORD_FACT;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		if (tarx_record_begins(record, families[i]))
			return TARX_RECORD_FACT;
	return TARX_RECORD_EXTRA;
}

/* ------------------------------------------------------------------ values */

/* The digits behind the point as nanoseconds; *MORE: something finer is left. */
static bool read_fraction(const char *text, size_t len, long *nanos, bool *more)
{
	long unit = BILLION;

	*nanos = 0;
	*more = false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		unit /= 10;
		*nanos += unit * (text[i] - '0');
		*more |= unit == 0 && text[i] != '0';
	}
	return true;
}

bool tarx_time(const char *text, size_t len, struct timespec *t)
{
	bool before = len > 0 && *text == '-', more = false;
	const char *point;
	uint64_t seconds = 0;
	long nanos = 0;
	size_t whole;

	text += before;
	len -= before;
	point = memchr(text, '.', len);
	whole = point ? (size_t)(point - text) : len;
	if (len == 0 || (whole == 0 && len == 1))
		return false;
	if (whole > 0 && !tarx_number(text, whole, INT64_MAX - 1, &seconds))
		return false;
	if (point && !read_fraction(point + 1, len - whole - 1, &nanos, &more))
		return false;
	if (before && more)
		nanos++;
	*t = (struct timespec){ before ? -(time_t)seconds : (time_t)seconds, nanos };
	if (before && nanos > 0) {
		t->tv_sec--;
		t->tv_nsec = BILLION - nanos;
	}
	return true;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' ^ 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that "%XX" at TEXT stands for, or -1. */
static int spelled(const char *text, size_t len)
{
	if (len < 3 || *text != '%' || hex(text[1]) < 0 || hex(text[2]) < 0)
		return -1;
	return hex(text[1]) << 4 | hex(text[2]);
}

bool tarx_xattr_name(const char *text, size_t len, bool libarchive, char *out)
{
	for (size_t i = 0; i < len; i++) {
		int byte = spelled(text + i, len - i);

		if (byte >= 0 && (libarchive || byte == '%' || byte == '='))
			i += 2;
		else
			byte = (unsigned char)text[i];
		if (byte == 0)
			return false;
		*out++ = (char)byte;
	}
	*out = '\0';
	return true;
}

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

size_t tarx_base64(const char *text, size_t len, char *out)
{
	unsigned int bits = 0, have = 0;
	size_t n = 0;

	while (len > 0 && text[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int digit = base64_digit(text[i]);

		if (digit < 0)
			return SIZE_MAX;
		bits = (bits << 6 | (unsigned int)digit) & 0xfff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have);
		}
	}
	return n;
}
