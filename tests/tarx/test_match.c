#include "tarx/match.h"
#include "tests/lib/tap.h"

#include <string.h>

#define WILD TARX_MATCH_WILDCARDS

static const struct {
	const char *name, *pattern;
	unsigned int mode;
	bool matches;
} matches[] = {
	{ "a", "a", 0, true },
	{ "a/b", "a", 0, true },
	{ "a/b/c", "a/b", 0, true },
	{ "ab", "a", 0, false },
	{ "a", "ab", 0, false },
	{ "a", "a/b", 0, false },
	{ "b/a", "a", 0, false },
	{ "./a", "a", 0, false },
	{ "./a", ".", 0, true },
	{ ".", ".", 0, true },
	{ ".a", ".", 0, false },
	{ "", "a", 0, false },
	{ "\xff/x", "\xff", 0, true },
	{ "a*", "a*", 0, true },
	{ "abc", "a*", 0, false },
	{ "abc", "a*", TARX_MATCH_NO_WILDCARDS, false },
	{ "abc", "a*", WILD, true },
	{ "d/abc", "a*", WILD, false },
	{ "d/abc", "*c", WILD, true },
	{ "d/abc", "*c", WILD | TARX_MATCH_COMPONENT, false },
	{ "d/abc", "d", WILD, true },
	{ "d/abc", "?", WILD, true },
	{ "d/abc", "d", TARX_MATCH_ALONE, false },
	{ "d/abc", "?", WILD | TARX_MATCH_ALONE, false },
	{ "d", "d", TARX_MATCH_ALONE, true },
	{ "d/abc", "abc", TARX_MATCH_ANYWHERE, true },
	{ "d/abc/e", "abc", TARX_MATCH_ANYWHERE, true },
	{ "d/abc", "bc", TARX_MATCH_ANYWHERE, false },
	{ "d/abc", "a*", WILD | TARX_MATCH_ANYWHERE, true },
	{ "Dir/x", "dIR", TARX_MATCH_ANY_CASE, true },
	{ "Dir/x", "d*R", WILD | TARX_MATCH_ANY_CASE, true },
	{ "Dir/x", "dir", 0, false },
};

static const struct {
	const char *text, *want;
} quoted[] = {
	{ "plain", "plain" },
	{ "", "" },
	{ "a\\nb", "a\nb" },
	{ "a\\\\b", "a\\b" },
	{ "\\033[m", "\033[m" },
	{ "\\777", "\377" },
	{ "\\1012", "A2" },
	{ "\\7", "\a" },
	{ "\\t\\r\\a\\b\\f\\v", "\t\r\a\b\f\v" },
	{ "\\?", "\177" },
	{ "\\q", "\\q" },
	{ "\\8", "\\8" },
	{ "\\0", "\\0" },
	{ "end\\", "end\\" },
	{ "\\\\n", "\\n" },
};

int main(void)
{
	for (size_t i = 0; i < sizeof(matches) / sizeof(*matches); i++)
		tap_ok(tarx_match(matches[i].pattern, matches[i].name, matches[i].mode) ==
			       matches[i].matches,
		       "\"%s\" %s what \"%s\" says (mode %u)", matches[i].name,
		       matches[i].matches ? "is" : "is not", matches[i].pattern, matches[i].mode);
	for (size_t i = 0; i < sizeof(quoted) / sizeof(*quoted); i++) {
		char text[32];

		strcpy(text, quoted[i].text);
		tarx_match_unquote(text);
		tap_string(text, quoted[i].want, "the escapes of \"%s\" are undone",
			   quoted[i].text);
	}
	tap_ok(tarx_match_is_pattern("a*") && tarx_match_is_pattern("[a") &&
		       tarx_match_is_pattern("a?") && !tarx_match_is_pattern("a+b"),
	       "a pattern is told by its characters");
	return tap_done();
}
