/* What a member's own records say, as fields of an item; hostile values are refused with a word. */
#include "tarx/facts.h"
#include "tarx/pax.h"
#include "tests/lib/tap.h"

#include <stdio.h>
#include <string.h>

/* Adds "KEY=VALUE" with its length. Returns the new length of BODY. */
static size_t add_record(char *body, size_t len, const char *text)
{
	size_t rest = strlen(text) + 2, digits = rest + 1 > 9 ? rest + 2 > 99 ? 3 : 2 : 1;

	return len + (size_t)sprintf(body + len, "%zu %s\n", rest + digits, text);
}

struct facts_case {
	const char *what;
	const char *records[4]; /* up to a NULL */
	const char *fflags, *subvolume, *extra; /* NULL: none */
	long long projid; /* -1: none */
	bool warned;
};

static const char *or_none(const char *text)
{
	return text ? text : "none";
}

static void test_case(const struct facts_case *c)
{
	static char ustar[TARX_BLOCK];
	char body[2048];
	struct tarx_headers headers = { .ustar = ustar, .x = { body, 0 } };
	struct tarx_item item = { .path = "a" };
	struct tarx_globals globals = { 0 };
	struct tx_arena arena = { 0 };
	char extra[2048] = "none";
	int r;

	for (size_t i = 0; i < 4 && c->records[i]; i++)
		headers.x.len = add_record(body, headers.x.len, c->records[i]);
	r = tarx_facts_take(&item, &headers, &globals, &arena);
	if (item.extra)
		snprintf(extra, sizeof(extra), "%.*s", (int)item.extra_len, item.extra);
	tap_number(r, 0, "%s: is read", c->what);
	tap_string(or_none(item.fflags), or_none(c->fflags), "%s: file flags", c->what);
	tap_string(or_none(item.subvolume), or_none(c->subvolume), "%s: subvolume", c->what);
	tap_string(extra, or_none(c->extra), "%s: what is kept as it is", c->what);
	tap_number(item.has_projid ? (long long)item.projid : -1, c->projid, "%s: project",
		   c->what);
	tap_ok(!!item.warning == c->warned, "%s: a word about it: %s", c->what,
	       c->warned ? "yes" : "no");
	tx_arena_release(&arena);
}

int main(void)
{
	static const struct facts_case cases[] = {
		{ "nothing", { NULL }, .projid = -1 },
		{ "flags of ours",
		  { "comment=tarx.fflags=append,immutable" },
		  .fflags = "append,immutable",
		  .projid = -1 },
		{ "flags of star's", { "SCHILY.fflags=nodump" }, .fflags = "nodump", .projid = -1 },
		{ "flags of both: ours count",
		  { "comment=tarx.fflags=append", "SCHILY.fflags=nodump" },
		  .fflags = "append",
		  .projid = -1 },
		{ "flags that are no words",
		  { "comment=tarx.fflags=a\x1b[2J" },
		  .projid = -1,
		  .warned = true },
		{ "no flag at all", { "comment=tarx.fflags=" }, .projid = -1, .warned = true },
		{ "a project", { "comment=tarx.projid=4294967295" }, .projid = 4294967295 },
		{ "a project that is too large",
		  { "comment=tarx.projid=4294967296" },
		  .projid = -1,
		  .warned = true },
		{ "a project below 0", { "comment=tarx.projid=-1" }, .projid = -1, .warned = true },
		{ "a subvolume", { "comment=tarx.subvolume=rw" }, .subvolume = "rw", .projid = -1 },
		{ "a read-only one",
		  { "comment=tarx.subvolume=ro" },
		  .subvolume = "ro",
		  .projid = -1 },
		{ "a subvolume of another kind",
		  { "comment=tarx.subvolume=rox" },
		  .projid = -1,
		  .warned = true },
		{ "all among others, with padding",
		  { "atime=1.5", "comment=tarx.projid=7", "comment=words", "comment=........" },
		  .extra = "13 atime=1.5\n17 comment=words\n",
		  .projid = 7 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		test_case(&cases[i]);
	return tap_done();
}
