#include "tarx/fflags.h"
#include "tests/lib/tap.h"

#include <linux/fs.h>
#include <string.h>

static const struct {
	uint32_t flags;
	const char *words;
} written[] = {
	{ 0, "" },
	{ FS_IMMUTABLE_FL, "schg" },
	{ FS_APPEND_FL | FS_NODUMP_FL, "nodump,sappnd" },
	{ FS_NOCOW_FL, "nocow" },
	{ FS_COMPR_FL | FS_DIRSYNC_FL, "dirsync,compress" },
	{ FS_EXTENT_FL | FS_INDEX_FL | FS_INLINE_DATA_FL | FS_HUGE_FILE_FL, "" },
	{ FS_VERITY_FL | FS_ENCRYPT_FL | FS_CASEFOLD_FL | FS_NOATIME_FL, "noatime" },
	{ UINT32_MAX, "dirsync,nodump,noatime,nocow,compress,dontcompress,dax,journal-data,notail,"
		      "topdir,secdel,undel,projinherit,sync,sappnd,schg" },
};

static const struct {
	const char *text;
	uint32_t flags;
	const char *unknown;
} parsed[] = {
	{ "", 0, NULL },
	{ "schg", FS_IMMUTABLE_FL, NULL },
	{ "immutable,append", FS_IMMUTABLE_FL | FS_APPEND_FL, NULL },
	{ "nodump,nocow", FS_NODUMP_FL | FS_NOCOW_FL, NULL },
	{ "dump,noschg,nosappnd,nocompress", 0, NULL },
	{ "uarch,nodump,hidden", FS_NODUMP_FL, "uarch,nodump,hidden" },
	{ ",,nodump,", FS_NODUMP_FL, NULL },
	{ "sch", 0, "sch" },
	{ "schgx", 0, "schgx" },
	{ "no", 0, "no" },
	{ "a-word-that-is-longer-than-any-that-has-a-meaning-to-anybody", 0,
	  "a-word-that-is-longer-than-any-that-has-a-meaning-to-anybody" },
	{ "\xff\xfe,sync", FS_SYNC_FL, "\xff\xfe,sync" },
};

static void test_words(void)
{
	char words[TARX_FFLAGS_ROOM];

	for (size_t i = 0; i < sizeof(written) / sizeof(*written); i++) {
		size_t len = tarx_fflags_words(words, written[i].flags);

		tap_string(words, written[i].words, "the words of the flags %#x", written[i].flags);
		tap_number((long long)len, (long long)strlen(words), "and their length");
	}
}

static void test_parse(void)
{
	for (size_t i = 0; i < sizeof(parsed) / sizeof(*parsed); i++) {
		const char *unknown;
		size_t len = 0;
		uint32_t flags = tarx_fflags_parse(parsed[i].text, &unknown, &len);

		tap_number(flags, parsed[i].flags, "the flags of \"%s\"", parsed[i].text);
		if (parsed[i].unknown)
			tap_ok(unknown && !strcmp(unknown, parsed[i].unknown) &&
				       len == strcspn(unknown, ","),
			       "and which of them is not known");
		else
			tap_ok(!unknown, "and none that is not known");
	}
}

static void test_every_word(void)
{
	bool back = true, alone = true;
	char words[TARX_FFLAGS_ROOM];

	for (uint32_t flag = 1; flag; flag <<= 1) {
		if (tarx_fflags_words(words, flag) == 0)
			continue;
		back = back && tarx_fflags_parse(words, NULL, NULL) == flag;
		alone = alone && !strcmp(tarx_fflags_word(flag), words);
	}
	tap_ok(back, "every word that is written is read back as the same flag");
	tap_ok(alone, "and is the flag's word");
	tap_ok(!(tarx_fflags_last() & tarx_fflags_hints()),
	       "what must come last is more than a hint");
}

int main(void)
{
	test_words();
	test_parse();
	test_every_word();
	return tap_done();
}
