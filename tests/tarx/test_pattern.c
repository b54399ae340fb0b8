#include "tarx/pattern.h"
#include "tests/lib/tap.h"

#define EXCLUDE  TARX_PATTERN_WILDCARDS
#define ANCHORED TARX_PATTERN_ANCHORED
#define NO_SLASH (EXCLUDE | TARX_PATTERN_NO_SLASH)
#define NO_CASE  TARX_PATTERN_NO_CASE

/* Each seen with GNU tar 1.34. */
static const struct {
	const char *pattern;
	unsigned int flags;
	const char *name;
	bool matches;
} rows[] = {
	{ "foo", EXCLUDE, "foo", true },
	{ "foo", EXCLUDE, "./a/foo", true },
	{ "foo", EXCLUDE, "./foo/in", true },
	{ "foo", EXCLUDE, "fooo", false },
	{ "foo", EXCLUDE, "xfoo", false },
	{ "foo", EXCLUDE, "FOO", false },
	{ "foo", EXCLUDE, "foo/", true },
	{ "./foo", EXCLUDE, "./foo", true },
	{ "./foo", EXCLUDE, "./a/foo", false },
	{ "./foo", EXCLUDE, "foo", false },
	{ "foo/", EXCLUDE, "./foo", false },
	{ "foo/in", EXCLUDE, "./foo/in", true },
	{ "foo/in", EXCLUDE, "./foo", false },
	{ "/foo", EXCLUDE, "./foo", false },
	{ "/tmp/foo", EXCLUDE, "/tmp/foo", true },
	{ "*foo", EXCLUDE, "./a/xfoo", true },
	{ "f*", EXCLUDE, "./[x]/f", true },
	{ "f*", EXCLUDE, "./xf", false },
	{ "a/*", EXCLUDE, "./a", false },
	{ "a/*", EXCLUDE, "./a/b/foo", true },
	{ "a*o.c", EXCLUDE, "./a/foo.c", true },
	{ "a*o.c", NO_SLASH, "./a/foo.c", false },
	{ "a/*.c", NO_SLASH, "./a/foo.c", true },
	{ "foo", EXCLUDE | ANCHORED, "./foo", false },
	{ "foo", EXCLUDE | ANCHORED, "foo/in", true },
	{ "./f*", EXCLUDE | ANCHORED, "./foo", true },
	{ "./f*", EXCLUDE | ANCHORED, "./a/foo", false },
	{ "a*b", EXCLUDE, "./axb", true },
	{ "a*b", EXCLUDE, "./a/b", true },
	{ "a*b", 0, "./axb", false },
	{ "a*b", 0, "./a*b", true },
	{ "[x]", EXCLUDE, "./x", true },
	{ "[x]", EXCLUDE, "./[x]", false },
	{ "[x]", 0, "./[x]/f", true },
	{ "\\[x\\]", EXCLUDE, "./[x]", true },
	{ "[x", EXCLUDE, "./x", false },
	{ "\\foo", EXCLUDE, "./foo", true },
	{ "\\foo", 0, "./foo", false },
	{ "+(o)", EXCLUDE, "./oo", false },
	{ "?", EXCLUDE, "./a", true },
	{ "?", NO_SLASH | ANCHORED, "/", false },
	{ "", EXCLUDE, "", false },
	{ "", EXCLUDE, "./a", false },
	{ "", 0, "./a", false },
	{ ".", EXCLUDE, ".", true },
	{ ".", EXCLUDE, "./a", true },
	{ "*", EXCLUDE, ".", true },
	{ "*/foo", EXCLUDE, "./foo", true },
	{ "a//b", EXCLUDE, "./a/b", false },
	{ "b", EXCLUDE, "./a//b", true },
	{ "foo", EXCLUDE | NO_CASE, "./FOO", true },
	{ "foo", NO_CASE, "./FOO/in", true },
	{ "f*", EXCLUDE | NO_CASE, "./FOO", true },
	{ "*~", EXCLUDE, "./x~", true },
	{ "\xff*", EXCLUDE, "./\xff\xfe", true },
	{ "a?b", EXCLUDE, "./a\nb", true },
};

int main(void)
{
	struct tarx_patterns patterns = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		tap_ok(tarx_pattern_matches(rows[i].pattern, rows[i].flags, rows[i].name) ==
			       rows[i].matches,
		       "\"%s\" (%u) %s \"%s\"", rows[i].pattern, rows[i].flags,
		       rows[i].matches ? "matches" : "does not match", rows[i].name);
	tap_ok(!tarx_patterns_match(&patterns, "a"), "no pattern matches nothing");
	tap_ok(tarx_patterns_add(&patterns, "a", 0) == 0 &&
		       tarx_patterns_add(&patterns, "b*", EXCLUDE) == 0,
	       "patterns are added");
	tap_ok(tarx_patterns_match(&patterns, "a") && tarx_patterns_match(&patterns, "bb") &&
		       !tarx_patterns_match(&patterns, "aa"),
	       "each counts with its own flags");
	tarx_patterns_release(&patterns);
	tap_ok(!tarx_patterns_match(&patterns, "a"), "and none when they are released");
	return tap_done();
}
