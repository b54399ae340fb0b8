#include "align/err.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* With room behind it, where a write past the end can be seen. */
struct guarded {
	struct tx_err err;
	char behind[16384];
};

static struct guarded *guarded_new(void)
{
	struct guarded *g = malloc(sizeof(*g));

	if (!g)
		abort();
	memset(g, '#', sizeof(*g));
	return g;
}

static bool kept_inside(const struct guarded *g)
{
	for (size_t i = 0; i < sizeof(g->behind); i++)
		if (g->behind[i] != '#')
			return false;
	return memchr(g->err.text, '\0', TX_ERR_ROOM) != NULL;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool begins_with(const char *text, const char *begin)
{
	return !strncmp(text, begin, strlen(begin));
}

/* A name of LEN bytes that begins with "first" and ends with "last"; owned. */
static char *long_name(size_t len)
{
	char *name = malloc(len + 1);

	if (!name)
		abort();
	memset(name, 'n', len);
	memcpy(name, "first", 5);
	memcpy(name + len - 4, "last", 5);
	return name;
}

static void test_words(void)
{
	struct tx_err err;

	tap_number(tx_fail(&err, ENOENT, "open %s", "a/b"), -ENOENT,
		   "tx_fail() returns the negative errno");
	tap_number(err.code, ENOENT, "and keeps it positive");
	tap_string(err.text, "open a/b: No such file or directory",
		   "what was tried stands before the system's reason");
	tap_number(tx_wrap(&err, "%s", "member"), -ENOENT, "tx_wrap() returns the error's code");
	tx_wrap(&err, "%s.tar", "layer");
	tap_string(err.text, "layer.tar: member: open a/b: No such file or directory",
		   "each floor's noun comes before the ones below");
	tap_number(tx_reject(&err, EINVAL, "no %d here", 7), -EINVAL,
		   "tx_reject() returns the negative errno");
	tap_string(err.text, "no 7 here", "and adds no words of the system");
	tx_wrap(&err, "%s", "100%s%n");
	tap_string(err.text, "100%s%n: no 7 here", "a noun's percent signs are only bytes");
	tx_wrap(&err, "%s", "");
	tap_string(err.text, ": 100%s%n: no 7 here", "an empty noun is harmless");
	tx_fail(&err, 0x7777, "try");
	tap_ok(begins_with(err.text, "try: ") && strlen(err.text) > 5,
	       "an errno that the system does not know has words too");
}

static void test_long_nouns(void)
{
	static const size_t lengths[] = { 900, 1000, 1020, 1023, 1024, 1025, 5000, 10000 };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct guarded *g = guarded_new();
		char *name = long_name(lengths[i]);

		tx_fail(&g->err, EIO, "read 4096 bytes at 8192");
		tx_wrap(&g->err, "%s", name);
		tap_ok(ends_with(g->err.text, "last: read 4096 bytes at 8192: Input/output error"),
		       "the reason survives a noun of %zu bytes", lengths[i]);
		tap_ok(begins_with(g->err.text, "firstnnn"), "and so does the noun's beginning");
		tap_ok(kept_inside(g), "and nothing is written past the room");
		free(name);
		free(g);
	}
}

static void test_long_attempt(void)
{
	struct guarded *g = guarded_new();
	char *name = long_name(5000);

	tx_fail(&g->err, EACCES, "open %s", name);
	tap_ok(ends_with(g->err.text, ": Permission denied"),
	       "the reason survives a long thing that was tried");
	tx_wrap(&g->err, "%s", name);
	tap_ok(ends_with(g->err.text, ": Permission denied") && kept_inside(g),
	       "and a long noun before it");
	free(name);
	free(g);
}

static void test_many_nouns(void)
{
	struct guarded *g = guarded_new();

	tx_fail(&g->err, EIO, "read");
	for (int i = 0; i < 1000; i++)
		tx_wrap(&g->err, "noun %d", i);
	tap_ok(ends_with(g->err.text, "noun 1: noun 0: read: Input/output error") && kept_inside(g),
	       "the reason survives a thousand nouns");
	free(g);
}

/* A finding may fill the room to its last byte. */
static void test_full(void)
{
	for (size_t len = TX_ERR_ROOM - 30; len <= TX_ERR_ROOM + 1; len++) {
		struct guarded *g = guarded_new();
		char *finding = long_name(len), *noun = long_name(4000);
		bool good;

		tx_reject(&g->err, EBADMSG, "%s", finding);
		finding[TX_ERR_ROOM - 1 < len ? TX_ERR_ROOM - 1 : len] = '\0';
		tx_wrap(&g->err, "%s", noun);
		good = kept_inside(g) && g->err.code == EBADMSG && ends_with(g->err.text, finding);
		if (!good || len == TX_ERR_ROOM + 1)
			tap_ok(good, "a noun before a text of %zu bytes cuts nothing off the text",
			       len);
		free(noun);
		free(finding);
		free(g);
		if (!good)
			break;
	}
}

int main(void)
{
	test_words();
	test_long_nouns();
	test_long_attempt();
	test_many_nouns();
	test_full();
	return tap_done();
}
