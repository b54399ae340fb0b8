#include "tarx/rename.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Checked against GNU tar 1.34, but for what sed(1) has better: the number of a match (there what is
 * passed over comes twice), empty matches of all (there it never ends), and \u within \L (there the
 * rest of a group keeps its case). */
static const struct {
	const char *promise, *expression, *name, *want;
} renamed[] = {
	{ "one match is replaced", "s/a/B/", "d/aaa", "d/Baa" },
	{ "no match changes nothing", "s/x/B/", "d/aaa", "d/aaa" },
	{ "g replaces all", "s/a/B/g", "d/aaa", "d/BBB" },
	{ "a number replaces that match", "s/a/B/2", "d/aaa", "d/aBa" },
	{ "a number and g: from there on", "s/a/B/2g", "d/aaa", "d/aBB" },
	{ "g and a number too", "s/a/B/g2", "d/aaa", "d/aBB" },
	{ "a number too large changes nothing", "s/a/B/4", "d/aaa", "d/aaa" },
	{ "number 0 is the first", "s/a/B/0", "d/aaa", "d/Baa" },
	{ "i does not mind the case", "s/A/B/i", "d/aaa", "d/Baa" },
	{ "without x a bar is a bar", "s/a|b/X/", "a|b", "X" },
	{ "x is for extended expressions", "s/a|b/X/xg", "cab", "cXX" },
	{ "any delimiter", "s,^d/,e/,", "d/a", "e/a" },
	{ "a delimiter with a backslash", "s,a\\,b,X\\,Y,", "a,b", "X,Y" },
	{ "the beginning", "s,^,pre/,", "a", "pre/a" },
	{ "the end", "s,$,.old,", "a", "a.old" },
	{ "the beginning once only", "s,^a,b,g", "aaa", "baa" },
	{ "nothing at all", "s,a,,g", "banana", "bnn" },
	{ "all becomes nothing", "s,.*,,", "banana", "" },
	{ "an empty name can get one", "s,^$,x,", "", "x" },
	{ "groups", "s,\\(a\\)\\(b\\),\\2\\1,", "ab", "ba" },
	{ "a group that took no part", "s,(a)|(b),<\\1\\2>,x", "b", "<b>" },
	{ "& is the match", "s,a,[&],", "xay", "x[a]y" },
	{ "\\0 too", "s,a,[\\0],", "xay", "x[a]y" },
	{ "\\& is an ampersand", "s,a,\\&,", "xay", "x&y" },
	{ "two backslashes are one", "s,a,\\\\,", "xay", "x\\y" },
	{ "a newline", "s,a,\\n,", "xay", "x\ny" },
	{ "a tab", "s,a,\\t,", "xay", "x\ty" },
	{ "a backslash before any other letter stays", "s,a,\\q,", "xay", "x\\qy" },
	{ "\\U shouts until the end", "s,a\\(.*\\),x\\U\\1yz,", "abc", "xBCYZ" },
	{ "\\E ends it", "s,\\(.*\\),\\U\\1\\E\\1,", "ab", "ABab" },
	{ "\\L whispers", "s,.*,\\L&,", "ABC", "abc" },
	{ "\\u shouts once", "s,.*,\\u&,", "abc", "Abc" },
	{ "\\l whispers once", "s,.*,\\l&,", "ABC", "aBC" },
	{ "\\u within \\L", "s,.*,\\L\\u&,", "aBC", "Abc" },
	{ "\\l within \\U", "s,.*,\\U\\l&,", "abc", "aBC" },
	{ "literals shout too", "s,b,\\Ux,", "abc", "aXc" },
	{ "what is not replaced never does", "s,b,\\Ux,g", "abcb", "aXcX" },
	{ "bytes over 127 have no case", "s,.*,\\U&,", "\xe4z", "\xe4Z" },
	{ "two rules in one expression", "s,a,b,;s,b,c,", "a", "c" },
	{ "one that ends in ;", "s,a,b,;", "a", "b" },
	{ "empty matches come between all", "s,x*,-,g", "abc", "-a-b-c-" },
	{ "but not behind a match", "s,b*,-,g", "abc", "-a-c-" },
	{ "an empty expression is found at the beginning", "s,,x,", "a", "xa" },
	{ "bytes that are no text", "s,\xff,\xfe,",
	  "a\xff"
	  "b",
	  "a\xfe"
	  "b" },
	{ "a newline in a name", "s,a.b,x,", "a\nb", "x" },
	{ "flags= for all that follow", "flags=r;s,a,b,", "a", "b" },
	{ "flags= without members", "flags=hs;s,a,b,", "a", "a" },
	{ "and a rule that takes them in again", "flags=h;s,a,b,r", "a", "b" },
	{ "R: not the members", "s,a,b,R", "a", "a" },
	{ "S and H: the members still", "s,a,b,SH", "a", "b" },
};

static const struct {
	const char *expression, *member, *symlink, *hardlink;
} scopes[] = {
	{ "s,a,b,", "b", "b", "b" },         { "s,a,b,r", "b", "b", "b" },
	{ "s,a,b,R", "a", "b", "b" },        { "s,a,b,S", "b", "a", "b" },
	{ "s,a,b,H", "b", "b", "a" },        { "s,a,b,RSH", "a", "a", "a" },
	{ "s,a,b,RSHs", "a", "b", "a" },     { "flags=r;s,a,b,", "b", "a", "a" },
	{ "flags=s;s,a,b,", "a", "b", "a" }, { "flags=h;s,a,b,", "a", "a", "b" },
	{ "flags=;s,a,b,", "a", "a", "a" },
};

static const struct {
	const char *promise, *expression, *word;
} wrong[] = {
	{ "nothing", "", "form" },
	{ "no s", "y,a,b,", "form" },
	{ "only s", "s", "form" },
	{ "no end of the first part", "s,a", "form" },
	{ "no end of the second part", "s,a,b", "form" },
	{ "a backslash at the end", "s,a,b\\", "form" },
	{ "an unknown flag", "s,a,b,q", "'q'" },
	{ "an unknown default flag", "flags=q", "'q'" },
	{ "a broken expression", "s,\\(a,b,", "regular expression" },
	{ "a group that is not there", "s,a,\\1,", "\\1" },
	{ "a second rule that is none", "s,a,b,;t", "form" },
	{ "two ; in a row", "s,a,b,;;s,a,b,", "form" },
};

static const struct {
	const char *name;
	size_t count;
	const char *want;
} strips[] = {
	{ "a/b/c", 0, "a/b/c" }, { "/a", 0, "/a" },  { "a/b/c", 1, "b/c" }, { "a/b/c", 2, "c" },
	{ "a/b/c", 3, "" },      { "a/b/c", 9, "" }, { "a/", 1, "" },       { "a", 1, "" },
	{ "/a/b", 1, "b" },      { "a//b", 1, "b" }, { "./a/b", 1, "a/b" }, { "", 1, "" },
	{ "a/b/", 1, "b/" },     { "../a", 1, "a" },
};

/* What becomes of NAME; owned. */
static char *apply(const char *expression, enum tarx_rename_scope scope, const char *name,
		   struct tx_err *err)
{
	struct tarx_rename rename = { 0 };
	char *got = NULL;

	if (tarx_rename_add(&rename, expression, err) == 0)
		got = tarx_rename_apply(&rename, scope, name);
	tarx_rename_release(&rename);
	return got;
}

static void expect(const char *expression, enum tarx_rename_scope scope, const char *name,
		   const char *want, const char *promise)
{
	struct tx_err err = { .text = "" };
	char *got = apply(expression, scope, name, &err);

	tap_string(got ? got : err.text, want, "%s: %s", expression, promise);
	free(got);
}

static void test_several(void)
{
	struct tarx_rename rename = { 0 };
	struct tx_err err;
	char *got;

	tap_ok(tarx_rename_add(&rename, "s,a,b,", &err) == 0 &&
		       tarx_rename_add(&rename, "flags=h;s,b,c,r", &err) == 0 &&
		       tarx_rename_add(&rename, "s,c,d,", &err) == 0,
	       "several expressions are taken");
	got = tarx_rename_apply(&rename, TARX_RENAME_MEMBER, "a");
	tap_string(got, "c", "they work one after the other, flags= of one on the next");
	free(got);
	tarx_rename_release(&rename);
	got = tarx_rename_apply(&rename, TARX_RENAME_MEMBER, "a");
	tap_string(got, "a", "without expressions a name stays");
	free(got);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(renamed) / sizeof(*renamed); i++)
		expect(renamed[i].expression, TARX_RENAME_MEMBER, renamed[i].name, renamed[i].want,
		       renamed[i].promise);
	for (size_t i = 0; i < sizeof(scopes) / sizeof(*scopes); i++) {
		expect(scopes[i].expression, TARX_RENAME_MEMBER, "a", scopes[i].member,
		       "of a member");
		expect(scopes[i].expression, TARX_RENAME_SYMLINK, "a", scopes[i].symlink,
		       "of a symbolic link");
		expect(scopes[i].expression, TARX_RENAME_HARDLINK, "a", scopes[i].hardlink,
		       "of a hard link");
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct tx_err err = { .text = "" };
		char *got = apply(wrong[i].expression, TARX_RENAME_MEMBER, "a", &err);

		tap_ok(!got && err.code == EINVAL && strstr(err.text, wrong[i].word),
		       "%s is refused, and the message says why", wrong[i].promise);
		free(got);
	}
	for (size_t i = 0; i < sizeof(strips) / sizeof(*strips); i++)
		tap_string(tarx_rename_strip(strips[i].name, strips[i].count), strips[i].want,
			   "\"%s\" without %zu components", strips[i].name, strips[i].count);
	test_several();
	return tap_done();
}
