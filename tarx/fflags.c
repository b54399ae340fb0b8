#include "tarx/fflags.h"

#include <linux/fs.h>
#include <string.h>

static const struct {
	const char *word;
	uint32_t flag;
} known[] = {
	{ "dirsync", FS_DIRSYNC_FL },
	{ "nodump", FS_NODUMP_FL },
	{ "noatime", FS_NOATIME_FL },
	{ "nocow", FS_NOCOW_FL },
	{ "compress", FS_COMPR_FL },
	{ "dontcompress", FS_NOCOMP_FL }, /* "nocompress" would be "not compress" */
	{ "dax", FS_DAX_FL },
	{ "journal-data", FS_JOURNAL_DATA_FL },
	{ "notail", FS_NOTAIL_FL },
	{ "topdir", FS_TOPDIR_FL },
	{ "secdel", FS_SECRM_FL },
	{ "undel", FS_UNRM_FL },
	{ "projinherit", FS_PROJINHERIT_FL },
	{ "sync", FS_SYNC_FL },
	{ "sappnd", FS_APPEND_FL },
	{ "schg", FS_IMMUTABLE_FL },
	/* Other spellings, only read. */
	{ "append", FS_APPEND_FL },
	{ "sappend", FS_APPEND_FL },
	{ "immutable", FS_IMMUTABLE_FL },
	{ "schange", FS_IMMUTABLE_FL },
	{ "simmutable", FS_IMMUTABLE_FL },
	{ "journal", FS_JOURNAL_DATA_FL },
	{ "securedeletion", FS_SECRM_FL },
};

#define KNOWN (sizeof(known) / sizeof(*known))

size_t tarx_fflags_words(char out[TARX_FFLAGS_ROOM], uint32_t flags)
{
	size_t len = 0;

	for (size_t i = 0; i < KNOWN && flags; i++) {
		size_t n = strlen(known[i].word);

		if (!(flags & known[i].flag))
			continue;
		flags &= ~known[i].flag;
		if (len > 0)
			out[len++] = ',';
		memcpy(out + len, known[i].word, n);
		len += n;
	}
	out[len] = '\0';
	return len;
}

static uint32_t find(const char *word, size_t len)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (strlen(known[i].word) == len && !memcmp(known[i].word, word, len))
			return known[i].flag;
	return 0;
}

/* "nosappnd", "dump": a flag that is not there. */
static bool is_negation(const char *word, size_t len)
{
	char longer[32] = "no";

	if (len > 2 && !memcmp(word, "no", 2))
		return find(word + 2, len - 2) != 0;
	if (len + 2 >= sizeof(longer))
		return false;
	memcpy(longer + 2, word, len);
	return find(longer, len + 2) != 0;
}

uint32_t tarx_fflags_parse(const char *text, const char **unknown, size_t *len)
{
	uint32_t flags = 0;

	if (unknown)
		*unknown = NULL;
	while (*text) {
		size_t n = strcspn(text, ", ");
		uint32_t flag = find(text, n);

		flags |= flag;
		if (!flag && n > 0 && unknown && !*unknown && !is_negation(text, n)) {
			*unknown = text;
			*len = n;
		}
		text += n;
		text += *text != '\0';
	}
	return flags;
}

const char *tarx_fflags_word(uint32_t flag)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].flag == flag)
			return known[i].word;
	return "";
}

uint32_t tarx_fflags_last(void)
{
	return FS_IMMUTABLE_FL | FS_APPEND_FL | FS_SYNC_FL;
}

uint32_t tarx_fflags_hints(void)
{
	return FS_NOCOW_FL | FS_COMPR_FL | FS_NOCOMP_FL | FS_DAX_FL | FS_JOURNAL_DATA_FL |
	       FS_NOTAIL_FL | FS_TOPDIR_FL | FS_SECRM_FL | FS_UNRM_FL | FS_PROJINHERIT_FL;
}
