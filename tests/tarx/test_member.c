#include "tarx/member.h"
#include "tests/lib/tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *archive, *given, *want;
} tops[] = {
	{ "a.tar", NULL, "a" },      { "/x/y/a.tar", NULL, "a" }, { "a.tar.gz", NULL, "a" },
	{ "a.tgz", NULL, "a" },      { "a.tar.zst", NULL, "a" },  { "a-1.2.tar.xz", NULL, "a-1.2" },
	{ "a.b.tbz2", NULL, "a.b" }, { "a.gz", NULL, "a" },       { "a", NULL, NULL },
	{ "-", NULL, NULL },         { ".tar", NULL, NULL },      { "a.zip", NULL, NULL },
	{ "-", "d", "d" },           { "a.tar", "d/e", "d/e" },
};

/* Where a member goes; WANT NULL: nowhere. LINK is a hard link's, or NULL. */
static const struct {
	const char *promise, *name, *link, *rule, *top, *want, *want_link;
	size_t strip;
	bool absolute;
} lands[] = {
	{ .promise = "a plain name", .name = "a/b", .want = "a/b" },
	{ .promise = "dots and slashes", .name = "./a//b/", .want = "a/b" },
	{ .promise = "a leading slash", .name = "/a", .want = "a" },
	{ .promise = "what leads up", .name = "a/../b" },
	{ .promise = "as it is: a leading slash",
	  .name = "//a/./b",
	  .want = "/a/b",
	  .absolute = true },
	{ .promise = "as it is: what leads up", .name = "../b", .want = "../b", .absolute = true },
	{ .promise = "one component less", .name = "a/b/c", .want = "b/c", .strip = 1 },
	{ .promise = "nothing is left", .name = "a/", .strip = 1 },
	{ .promise = "a dot is a component", .name = "./a", .want = "a", .strip = 1 },
	{ .promise = "a leading slash is none", .name = "/a/b", .want = "b", .strip = 1 },
	{ .promise = "what led up does still", .name = "a/../../b", .strip = 2 },
	{ .promise = "a rule", .name = "a/b", .rule = "s,a,c,", .want = "c/b" },
	{ .promise = "a rule that leads up", .name = "a", .rule = "s,^,../," },
	{ .promise = "a rule that leads away", .name = "a", .rule = "s,^,/x/,", .want = "x/a" },
	{ .promise = "a rule that leaves nothing", .name = "a", .rule = "s,a,,", .want = "" },
	{ .promise = "a rule, then less",
	  .name = "a/b",
	  .rule = "s,^,x/,",
	  .want = "b",
	  .strip = 2 },
	{ .promise = "a directory's slash is not its name's",
	  .name = "a/",
	  .rule = "s,$,x,",
	  .want = "ax" },
	{ .promise = "a link goes along",
	  .name = "d/h",
	  .link = "d/a",
	  .want = "h",
	  .want_link = "a",
	  .strip = 1 },
	{ .promise = "a link by a rule",
	  .name = "h",
	  .link = "a",
	  .rule = "s,a,b,",
	  .want = "h",
	  .want_link = "b" },
	{ .promise = "beneath the top", .name = "a", .top = "top", .want = "a" },
	{ .promise = "beneath the top already", .name = "top/a", .top = "top", .want = "a" },
	{ .promise = "the top itself", .name = "./top/", .top = "top", .want = "" },
	{ .promise = "what only begins like the top",
	  .name = "topper",
	  .top = "top",
	  .want = "topper" },
};

static void test_land(size_t i)
{
	struct tarx_opts opts = { .archive = "-",
				  .strip = lands[i].strip,
				  .absolute_names = lands[i].absolute };
	struct tarx_report report;
	struct tarx_item item = { .path = lands[i].name,
				  .link = lands[i].link,
				  .hardlink = lands[i].link,
				  .mode = S_IFREG };
	struct tarx_landing landing = { .top = lands[i].top };
	struct tx_err err;
	int r;

	if (lands[i].rule && tarx_rename_add(&opts.rename, lands[i].rule, &err) < 0)
		tap_ok(false, "the rule %s is taken: %s", lands[i].rule, err.text);
	tarx_report_open(&report, &opts);
	r = tarx_member_land(&report, &item, &landing);
	tap_number(r, lands[i].want ? 1 : 0, "%s: it %s somewhere", lands[i].promise,
		   lands[i].want ? "goes" : "does not go");
	tap_string(landing.path ? landing.path : "(nowhere)",
		   lands[i].want ? lands[i].want : "(nowhere)", "%s: there", lands[i].promise);
	if (lands[i].want_link)
		tap_string(item.link, lands[i].want_link, "%s: its link too", lands[i].promise);
	tarx_member_release(&landing);
	tarx_rename_release(&opts.rename);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(tops) / sizeof(*tops); i++) {
		const struct tarx_opts opts = { .archive = tops[i].archive,
						.top_level = tops[i].given };
		char *top = tarx_member_top(&opts);

		tap_string(top ? top : "(none)", tops[i].want ? tops[i].want : "(none)",
			   "the top level of %s", tops[i].archive);
		free(top);
	}
	for (size_t i = 0; i < sizeof(lands) / sizeof(*lands); i++)
		test_land(i);
	return tap_done();
}
