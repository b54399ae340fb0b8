/* pax records, "LENGTH KEYWORD=VALUE\n", as bytes of which nothing is believed. Pure. See pax(1), "pax
 * Extended Header". */
#ifndef TARX_RECORDS_H
#define TARX_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* One record of a body. Everything points into the body; nothing ends with a NUL. */
struct tarx_record {
	const char *key, *value;
	size_t key_len, value_len;
	size_t len; /* of the whole record, which starts LEN bytes before its end */
};

/* Cuts the record at TEXT, ROOM bytes from the body's end. False: it is none. */
bool tarx_record_cut(struct tarx_record *record, const char *text, size_t room);

/* Whether its keyword is KEY; whether it begins with PREFIX. */
bool tarx_record_is(const struct tarx_record *record, const char *key);
bool tarx_record_begins(const struct tarx_record *record, const char *prefix);

/* Where it begins. */
static inline const char *tarx_record_start(const struct tarx_record *record)
{
	return record->value + record->value_len + 1 - record->len;
}

/* What a record is to tarx. */
enum tarx_record_use {
	TARX_RECORD_FACT, /* it became part of the item: name, owner, attribute, map of holes ... */
	TARX_RECORD_PADDING, /* it only fills space, whoever wrote it */
	TARX_RECORD_EXTRA, /* kept as it is */
};

enum tarx_record_use tarx_record_use(const struct tarx_record *record);

/* The decimal number that fills TEXT, at most MOST. False: it is none, or a larger one. */
bool tarx_number(const char *text, size_t len, uint64_t most, uint64_t *number);

/* A time as a decimal number of seconds, also before 1970 and with any number of digits; finer parts
 * than nanoseconds are cut off towards the past. False: it is none, or out of reach. */
bool tarx_time(const char *text, size_t len, struct timespec *t);

/* Writes the name of an extended attribute that GNU tar's keyword spells as TEXT ("%25" and "%3D"),
 * or libarchive's (URL: LIBARCHIVE true), to OUT, of LEN + 1 bytes. False: a NUL would be in it. */
bool tarx_xattr_name(const char *text, size_t len, bool libarchive, char *out);

/* Decodes base64 without line breaks (padding may be missing) to OUT, of LEN bytes. Returns the length, or SIZE_MAX: it is none. */
size_t tarx_base64(const char *text, size_t len, char *out);

#endif
