/* pax records and header blocks: what is read out of bytes that may be anything. */
#include "tarx/acl_text.h"
#include "tarx/headers.h"
#include "tarx/pax.h"
#include "tarx/records.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_cutting(void)
{
	static const struct {
		const char *what, *text;
		const char *key, *value; /* NULL: it is no record */
	} cases[] = {
		{ "a record", "12 path=abc\nrest", "path", "abc" },
		{ "an empty value", "9 path=\n.", NULL, NULL },
		{ "an empty value", "8 path=\n", "path", "" },
		{ "a value with = and a newline", "14 k=a=b\nc\nd=\n", "k", "a=b\nc\nd=" },
		{ "leading zeros", "0012 path=a\n", "path", "a" },
		{ "no keyword", "6 =ab\n", NULL, NULL },
		{ "no =", "7 path\n", NULL, NULL },
		{ "= only behind its end", "5 ab\n=x\n", NULL, NULL },
		{ "longer than what is there", "13 path=abc\n", NULL, NULL },
		{ "a length beyond any", "99999999999999999999 a=b\n", NULL, NULL },
		{ "a length of nothing", "0 a=b\n", NULL, NULL },
		{ "a length that ends before the keyword", "3 a=b\n", NULL, NULL },
		{ "a negative length", "-6 a=b\n", NULL, NULL },
		{ "no length", " a=b\n", NULL, NULL },
		{ "a tab for the blank", "6\ta=b\n", NULL, NULL },
		{ "no newline at its end", "6 a=bc", NULL, NULL },
		{ "no text", "", NULL, NULL },
		{ "digits only", "123", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		/* Memory that ends with the text, for the sanitizer. */
		size_t len = strlen(cases[i].text);
		char *text = malloc(len ? len : 1);
		struct tarx_record record;
		bool is;

		if (!text)
			abort();
		memcpy(text, cases[i].text, len);
		is = tarx_record_cut(&record, text, len);
		tap_ok(is == (cases[i].key != NULL), "%s: is %s", cases[i].what,
		       cases[i].key ? "a record" : "none");
		if (is && cases[i].key) {
			tap_ok(tarx_record_is(&record, cases[i].key) &&
				       record.value_len == strlen(cases[i].value) &&
				       !memcmp(record.value, cases[i].value, record.value_len) &&
				       tarx_record_start(&record) == text,
			       "%s: has its keyword and its value", cases[i].what);
		}
		free(text);
	}
}

static void test_times(void)
{
	static const struct {
		const char *text;
		long long sec, nsec; /* nsec -1: it is none */
	} cases[] = {
		{ "0", 0, 0 },
		{ "1.5", 1, 500000000 },
		{ "1.", 1, 0 },
		{ ".25", 0, 250000000 },
		{ "1700000000.123456789", 1700000000, 123456789 },
		{ "1.1234567891", 1, 123456789 },
		{ "-1", -1, 0 },
		{ "-2.25", -3, 750000000 },
		{ "-0.5", -1, 500000000 },
		{ "-0.000000001", -1, 999999999 },
		{ "-0.0", 0, 0 },
		{ "-1.0000000001", -2, 999999999 },
		{ "-0.9999999999", -1, 0 },
		{ "9223372036854775806", 9223372036854775806, 0 },
		{ "9223372036854775807", 0, -1 },
		{ "-9223372036854775806.5", -9223372036854775807, 500000000 },
		{ "", 0, -1 },
		{ "-", 0, -1 },
		{ ".", 0, -1 },
		{ "1e5", 0, -1 },
		{ "1.5x", 0, -1 },
		{ "+1", 0, -1 },
		{ " 1", 0, -1 },
		{ "--1", 0, -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct timespec t = { 0 };
		bool is = tarx_time(cases[i].text, strlen(cases[i].text), &t);

		tap_ok(is == (cases[i].nsec >= 0) &&
			       (!is || (t.tv_sec == cases[i].sec && t.tv_nsec == cases[i].nsec)),
		       "the time \"%s\" (got %lld %ld)", cases[i].text, (long long)t.tv_sec,
		       t.tv_nsec);
	}
}

static void test_uses(void)
{
	static const struct {
		const char *record;
		enum tarx_record_use use;
	} cases[] = {
		{ "8 path=\n", TARX_RECORD_FACT },
		{ "14 atime=12345\n", TARX_RECORD_EXTRA },
		{ "15 comment=....\n", TARX_RECORD_PADDING },
		{ "13 comment=.\n", TARX_RECORD_PADDING },
		{ "13 comment=x\n", TARX_RECORD_EXTRA },
		{ "14 comment=no\n", TARX_RECORD_EXTRA },
		{ "24 comment=            \n", TARX_RECORD_PADDING },
		{ "27 comment=tarx.projid=17\n", TARX_RECORD_FACT },
		{ "23 comment=tarxx.kept=1\n", TARX_RECORD_EXTRA },
		{ "23 LIBARCHIVE.pad=xyzab\n", TARX_RECORD_PADDING },
		{ "21 SCHILY.dev=1234567\n", TARX_RECORD_EXTRA },
		{ "23 SCHILY.xattr.user.a=\n", TARX_RECORD_FACT },
		{ "23 GNU.sparse.future=12\n", TARX_RECORD_FACT },
		{ "17 VENDOR.thing=1\n", TARX_RECORD_EXTRA },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tarx_record record;
		size_t len = strlen(cases[i].record);
		char text[64];

		/* The lengths of the table are for the eye. */
		snprintf(text, sizeof(text), "%zu %s", len, strchr(cases[i].record, ' ') + 1);
		len = strlen(text);
		snprintf(text, sizeof(text), "%zu %s", len, strchr(cases[i].record, ' ') + 1);
		tap_ok(tarx_record_cut(&record, text, len) &&
			       tarx_record_use(&record) == cases[i].use,
		       "what it is for: %.*s", (int)len - 1, text);
	}
}

static void test_names(void)
{
	static const struct {
		const char *text;
		bool libarchive;
		const char *name; /* NULL: it is none */
	} cases[] = {
		{ "user.a%3Db%25c", false, "user.a=b%c" }, { "user.a%3d", false, "user.a=" },
		{ "user.a%20b", false, "user.a%20b" },     { "user.a%20b", true, "user.a b" },
		{ "user.%C3%BC", true, "user.\xc3\xbc" },  { "user.%2", true, "user.%2" },
		{ "user.%zz", true, "user.%zz" },          { "user.a%00b", true, NULL },
		{ "user.a%00b", false, "user.a%00b" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char name[64];
		bool is = tarx_xattr_name(cases[i].text, strlen(cases[i].text), cases[i].libarchive,
					  name);

		tap_string(is ? name : "none", cases[i].name ? cases[i].name : "none",
			   "the attribute %s as %s spells it", cases[i].text,
			   cases[i].libarchive ? "libarchive" : "GNU tar");
	}
	tap_ok(!tarx_xattr_name("a\0b", 3, false, (char[4]){ 0 }), "a name with a NUL is none");
}

static void test_base64(void)
{
	static const struct {
		const char *text, *bytes; /* NULL: it is none */
	} cases[] = {
		{ "", "" },
		{ "YQ==", "a" },
		{ "YQ", "a" },
		{ "YWI", "ab" },
		{ "YWJj", "abc" },
		{ "YWJjZA", "abcd" },
		{ "//79", "\xff\xfe\xfd" },
		{ "YW*j", NULL },
		{ "YW\nJj", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char out[32] = "";
		size_t n = tarx_base64(cases[i].text, strlen(cases[i].text), out);

		tap_ok(cases[i].bytes
			       ? n == strlen(cases[i].bytes) && !memcmp(out, cases[i].bytes, n)
			       : n == SIZE_MAX,
		       "base64 %s", cases[i].text);
	}
}

static void test_fields(void)
{
	static const struct {
		const char *what;
		char field[13];
		uint64_t number; /* UINT64_MAX: it is none */
	} cases[] = {
		{ "octal", "00000001750", 1000 },
		{ "octal to its last byte", "000000001750", 1000 },
		{ "blanks before it, one behind", "      1750 ", 1000 },
		{ "nothing but blanks", "            ", 0 },
		{ "no digit that is octal", "0000008", UINT64_MAX },
		{ "base-256", "\x80\0\0\0\0\0\0\0\0\0\x03\xe8", 1000 },
		{ "base-256, the largest", "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
		  INT64_MAX },
		{ "base-256, larger", "\x80\0\0\0\x80\0\0\0\0\0\0\0", UINT64_MAX },
		{ "base-256, much larger", "\x81\0\0\0\0\0\0\0\0\0\0\0", UINT64_MAX },
		{ "base-256, negative", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		  UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t got = 0;

		if (!tarx_field_number(cases[i].field, 12, &got))
			got = UINT64_MAX;
		tap_ok(got == cases[i].number, "the field is %s", cases[i].what);
	}
}

static void add_header(char *block, char type, size_t size)
{
	memset(block, 0, TARX_BLOCK);
	snprintf(block + TARX_AT_SIZE, 12, "%011zo", size);
	block[TARX_AT_TYPE] = type;
}

static void test_blocks(void)
{
	static char bytes[8 * TARX_BLOCK];
	struct tarx_headers headers;
	struct tarx_record record;

	add_header(bytes + TARX_BLOCK, 'g', 6);
	memcpy(bytes + 2 * TARX_BLOCK, "6 a=b\n", 6);
	add_header(bytes + 3 * TARX_BLOCK, 'x', 12);
	memcpy(bytes + 4 * TARX_BLOCK, "6 a=c\n6 a=d\n", 12);
	add_header(bytes + 5 * TARX_BLOCK, 'V', 99);
	add_header(bytes + 6 * TARX_BLOCK, '0', 1000);
	tap_ok(tarx_headers_cut(&headers, bytes, sizeof(bytes)), "headers are taken apart");
	tap_ok(headers.global_count == 1 && headers.globals[0].len == 6, "the global one is there");
	tap_ok(tarx_body_find(&headers.x, "a", &record) && *record.value == 'd',
	       "the last of two records counts");
	tap_ok(headers.ustar == bytes + 6 * TARX_BLOCK && headers.tail_len == TARX_BLOCK,
	       "the member's own header, and what lies behind it");
	tap_ok(!tarx_headers_cut(&headers, bytes, 6 * TARX_BLOCK), "without it they are none");
	tap_ok(!tarx_headers_cut(&headers, bytes, 100), "half a block is none");
	tap_ok(!tarx_headers_cut(&headers, bytes, 0), "nothing is none");
	add_header(bytes + 3 * TARX_BLOCK, 'x', 100000);
	tap_ok(!tarx_headers_cut(&headers, bytes, sizeof(bytes)),
	       "a body that is larger than what is there");
	memset(bytes, 0, sizeof(bytes));
	tap_ok(tarx_block_is_zero(bytes), "a block of zeros is one");
	tap_ok(!tarx_headers_cut(&headers, bytes, sizeof(bytes)), "zeros alone are no headers");
	bytes[511] = 1;
	tap_ok(!tarx_block_is_zero(bytes), "a block with a last byte of 1 is not of zeros");
	tap_ok(!tarx_block_is_header(bytes), "and it is no header");
}

static void test_solaris_acls(void)
{
#define BODY(text) text, sizeof(text) - 1
	static const struct {
		const char *what, *body;
		size_t len;
		const char *access, *inherited; /* NULL: it is none */
	} cases[] = {
		{ "one of a file",
		  BODY("1000004\0user::rw-,user:lp:--x:71,group::r--,mask:rw-,other:r--\0"),
		  "user::rw-,user:lp:--x:71,group::r--,mask::rw-,other::r--", "" },
		{ "one of a directory, with what it hands down",
		  BODY("1000006\0user::rwx,other:---,defaultuser::rwx,defaultmask:r--"),
		  "user::rwx,other::---", "user::rwx,mask::r--" },
		{ "one of NFSv4", BODY("3000001\0owner@:rw-p--aARWcCos:-------:allow"), NULL,
		  NULL },
		{ "no number", BODY("\0user::rw-"), NULL, NULL },
		{ "no text", BODY("1000004"), NULL, NULL },
		{ "an empty text", BODY("1000000\0"), "", "" },
		{ "another number", BODY("10000x4\0user::rw-"), NULL, NULL },
	};
#undef BODY

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char access[256], inherited[256];
		bool is = tarx_acl_of_solaris(cases[i].body, cases[i].len, access, inherited);

		tap_string(is ? access : "none", cases[i].access ? cases[i].access : "none",
			   "an ACL of Solaris, %s", cases[i].what);
		if (is && cases[i].inherited)
			tap_string(inherited, cases[i].inherited,
				   "an ACL of Solaris, %s: for what is made below", cases[i].what);
	}
}

int main(void)
{
	test_solaris_acls();
	test_cutting();
	test_times();
	test_uses();
	test_names();
	test_base64();
	test_fields();
	test_blocks();
	return tap_done();
}
