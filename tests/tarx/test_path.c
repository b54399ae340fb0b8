#include "tarx/path.h"
#include "tests/lib/tap.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
	const char *path, *want;
	size_t cut;
} stored[] = {
	{ "a", "a", 0 },
	{ "a/b", "a/b", 0 },
	{ "./a", "./a", 0 },
	{ ".", ".", 0 },
	{ "./", "./", 0 },
	{ "a/", "a/", 0 },
	{ "a//b", "a//b", 0 },
	{ "/a/b", "a/b", 1 },
	{ "///a", "a", 3 },
	{ "/", ".", 1 },
	{ "//", ".", 2 },
	{ "", ".", 0 },
	{ "..", ".", 2 },
	{ "../", ".", 3 },
	{ "../a", "a", 3 },
	{ "../../a", "a", 6 },
	{ "a/../b", "b", 5 },
	{ "a/..//b", "b", 6 },
	{ "a/..", ".", 4 },
	{ "/a/../../b/c", "b/c", 9 },
	{ "a/b/../c/../d/e", "d/e", 12 },
	{ "..a", "..a", 0 },
	{ "a..", "a..", 0 },
	{ "a/..b/c", "a/..b/c", 0 },
	{ "...", "...", 0 },
	{ "a/.../b", "a/.../b", 0 },
	{ "./../a", "a", 5 },
	{ "\xff/../\xfe", "\xfe", 5 },
	{ "a b\t", "a b\t", 0 },
};

static const struct {
	const char *name, *want;
} restored[] = {
	{ "a", "a" },
	{ "a/b", "a/b" },
	{ "a/", "a" },
	{ "a///", "a" },
	{ "a//b", "a/b" },
	{ "/a", "a" },
	{ "///a//", "a" },
	{ "./a", "a" },
	{ "a/./b", "a/b" },
	{ "a/.", "a" },
	{ ".", "" },
	{ "./", "" },
	{ "/", "" },
	{ "", "" },
	{ "././.", "" },
	{ "...", "..." },
	{ "..a/b..", "..a/b.." },
	{ ".a", ".a" },
	{ "a/.b", "a/.b" },
	{ "\xff\t", "\xff\t" },
	{ "..", NULL },
	{ "../a", NULL },
	{ "/../a", NULL },
	{ "a/..", NULL },
	{ "a/../", NULL },
	{ "a/../b", NULL },
	{ "a//..//b", NULL },
	{ "./..", NULL },
};

static void test_restored(void)
{
	for (size_t i = 0; i < sizeof(restored) / sizeof(*restored); i++) {
		char *got;

		errno = 0;
		got = tarx_path_restored(restored[i].name);
		if (restored[i].want)
			tap_string(got, restored[i].want, "\"%s\" is restored below the target",
				   restored[i].name);
		else
			tap_ok(!got && errno == EINVAL, "\"%s\" goes up and is refused",
			       restored[i].name);
		free(got);
	}
}

static const struct {
	const char *name, *want;
} named[] = {
	{ "a", "a" },         { "/a", "/a" },     { "///a//b/", "/a/b" },
	{ "./a/./b", "a/b" }, { "../a", "../a" }, { "a/../b", "a/../b" },
	{ "/..", "/.." },     { "/", "/" },       { ".", "" },
	{ "", "" },           { "/./a", "/a" },
};

static void test_named(void)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++) {
		char *path = tarx_path_named(named[i].name);

		tap_string(path, named[i].want, "\"%s\" counts as it is", named[i].name);
		free(path);
	}
}

int main(void)
{
	for (size_t i = 0; i < sizeof(stored) / sizeof(*stored); i++) {
		size_t cut = 999;

		tap_string(tarx_path_stored(stored[i].path, &cut), stored[i].want,
			   "\"%s\" is stored without what leads up", stored[i].path);
		tap_number((long long)cut, (long long)stored[i].cut,
			   "and what was cut off is told");
	}
	test_restored();
	test_named();
	return tap_done();
}
