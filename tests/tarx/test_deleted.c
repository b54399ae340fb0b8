#include "tarx/deleted.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *path, *text; /* NULL: JSON cannot say it */
} writes[] = {
	{ "a", "[\"/a\"]" },
	{ "a/b c", "[\"/a/b c\"]" },
	{ "q\"\\", "[\"/q\\\"\\\\\"]" },
	{ "\n\t\x01", "[\"/\\n\\t\\u0001\"]" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "[\"/\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"]" },
	{ "\x7f", "[\"/\x7f\"]" },
	{ "\xff", NULL },
	{ "a\xc3", NULL },
	{ "\xc0\x80", NULL },
	{ "\xe0\x80\x80", NULL },
	{ "\xed\xa0\x80", NULL },
	{ "\xf4\x90\x80\x80", NULL },
	{ "\x80", NULL },
};

static const struct {
	const char *text, *want; /* paths with "|" behind each; NULL: refused */
} reads[] = {
	{ "[]", "" },
	{ " [ ] ", "" },
	{ "[\"/a\"]", "/a|" },
	{ "[\"/a\",\"/b\"]", "/a|/b|" },
	{ "\n[ \"/a\" ,\t\"b\"\r]\n", "/a|b|" },
	{ "[\"\"]", "|" },
	{ "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]", "\"\\/\b\f\n\r\t|" },
	{ "[\"\\u0041\\u00e4\\u20AC\\ud83d\\ude00\"]", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80|" },
	{ "[\"\xff\"]", NULL },
	{ "[\"\\ufffd\"]", "\xef\xbf\xbd|" },
	{ "null", "" },
	{ "", NULL },
	{ " ", NULL },
	{ "[", NULL },
	{ "[\"a\"", NULL },
	{ "[\"a", NULL },
	{ "[\"a\\", NULL },
	{ "[\"a\\\"]", NULL },
	{ "[\"a\",]", NULL },
	{ "[,\"a\"]", NULL },
	{ "[\"a\" \"b\"]", NULL },
	{ "[\"a\"]x", NULL },
	{ "[1]", NULL },
	{ "[null]", NULL },
	{ "[[\"a\"]]", NULL },
	{ "{}", NULL },
	{ "\"a\"", NULL },
	{ "[\"a\nb\"]", NULL },
	{ "[\"\\x41\"]", NULL },
	{ "[\"\\u004\"]", NULL },
	{ "[\"\\u004g\"]", NULL },
	{ "[\"\\u0000\"]", NULL },
	{ "[\"\\ud83d\"]", NULL },
	{ "[\"\\ud83d\\u0041\"]", NULL },
	{ "[\"\\ude00\"]", NULL },
	{ "[\"\\ud83d\\", NULL },
	{ "[\"\\u", NULL },
};

static void test_writes(void)
{
	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		struct tarx_deleted d = { 0 };
		int r = tarx_deleted_add(&d, writes[i].path);

		tap_number(r, writes[i].text ? 0 : -EILSEQ, "path %zu can be said, or not", i);
		tarx_deleted_end(&d);
		if (writes[i].text)
			tap_ok(d.len == strlen(writes[i].text) &&
				       !memcmp(d.text, writes[i].text, d.len),
			       "and is said as \"%s\"", writes[i].text);
		tarx_deleted_release(&d);
	}
}

static void test_reads(void)
{
	for (size_t i = 0; i < sizeof(reads) / sizeof(*reads); i++) {
		size_t len = strlen(reads[i].text), count, at = 0;
		char *exact = malloc(len + 1), got[256] = "", **paths;
		int r;

		/* Not one byte more than there is, so that a sanitizer sees what is read beyond. */
		memcpy(exact, reads[i].text, len);
		exact = realloc(exact, len ? len : 1);
		r = tarx_deleted_read(exact, len, &paths, &count);
		tap_number(r, reads[i].want ? 0 : -EINVAL, "\"%s\" is a list, or not",
			   reads[i].text);
		for (size_t n = 0; n < count; n++)
			at += (size_t)snprintf(got + at, sizeof(got) - at, "%s|", paths[n]);
		if (reads[i].want)
			tap_string(got, reads[i].want, "of these paths");
		tarx_deleted_free(paths, count);
		free(exact);
	}
}

static void test_many(void)
{
	struct tarx_deleted d = { 0 };
	char path[32], **paths;
	size_t count, right = 0;

	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "dir/%d\n", i);
		tarx_deleted_add(&d, path);
	}
	tarx_deleted_end(&d);
	tap_number(tarx_deleted_read(d.text, d.len, &paths, &count), 0, "a long list is read back");
	for (size_t i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/dir/%zu\n", i);
		right += !strcmp(paths[i], path);
	}
	tap_number((long long)right, 5000, "each of its paths as it was");
	tarx_deleted_free(paths, count);
	tarx_deleted_release(&d);
}

int main(void)
{
	struct tarx_deleted none = { 0 };

	test_writes();
	test_reads();
	test_many();
	tarx_deleted_end(&none);
	tap_ok(none.len == 2 && !memcmp(none.text, "[]", 2), "a list of nothing is []");
	tarx_deleted_release(&none);
	return tap_done();
}
