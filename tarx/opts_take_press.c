/* Options about compression. */
#include "tarx/opts_table.h"

#include <string.h>

static int take_press(struct tarx_opts *opts, enum tarx_press press)
{
	if (opts->press != TARX_PRESS_NONE && opts->press != press)
		return tarx_opts_complain("only one kind of compression at a time", NULL, NULL);
	opts->press = press;
	return 0;
}

int tarx_take_gzip(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_press(opts, TARX_PRESS_GZIP);
}

int tarx_take_bzip2(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_press(opts, TARX_PRESS_BZIP2);
}

int tarx_take_xz(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_press(opts, TARX_PRESS_XZ);
}

int tarx_take_zstd(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_press(opts, TARX_PRESS_ZSTD);
}

int tarx_take_lz4(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_press(opts, TARX_PRESS_LZ4);
}

int tarx_take_lzma(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_press(opts, TARX_PRESS_LZMA);
}

int tarx_take_lzip(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_press(opts, TARX_PRESS_LZIP);
}

int tarx_take_compress(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_press(opts, TARX_PRESS_COMPRESS);
}

int tarx_take_press_command(struct tarx_opts *opts, char *value)
{
	if (opts->press_command && strcmp(opts->press_command, value) != 0)
		return tarx_opts_complain("only one kind of compression at a time", NULL, NULL);
	opts->press_command = value;
	return take_press(opts, TARX_PRESS_COMMAND);
}

/* What the end of an archive's name says, as GNU tar has it; lz4 is ours. */
static enum tarx_press by_name(const char *name)
{
	static const struct {
		const char *end;
		enum tarx_press press;
	} ends[] = {
		{ "gz", TARX_PRESS_GZIP },      { "tgz", TARX_PRESS_GZIP },
		{ "taz", TARX_PRESS_GZIP },     { "Z", TARX_PRESS_COMPRESS },
		{ "taZ", TARX_PRESS_COMPRESS }, { "bz2", TARX_PRESS_BZIP2 },
		{ "tbz", TARX_PRESS_BZIP2 },    { "tbz2", TARX_PRESS_BZIP2 },
		{ "tz2", TARX_PRESS_BZIP2 },    { "lz", TARX_PRESS_LZIP },
		{ "lzma", TARX_PRESS_LZMA },    { "tlz", TARX_PRESS_LZMA },
		{ "xz", TARX_PRESS_XZ },        { "txz", TARX_PRESS_XZ },
		{ "zst", TARX_PRESS_ZSTD },     { "tzst", TARX_PRESS_ZSTD },
		{ "lz4", TARX_PRESS_LZ4 },
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(ends) / sizeof(*ends); i++)
		if (!strcmp(dot + 1, ends[i].end))
			return ends[i].press;
	return TARX_PRESS_NONE;
}

int tarx_opts_check_press(struct tarx_opts *opts)
{
	if (opts->press == TARX_PRESS_NONE && opts->press_auto &&
	    (opts->mode & (TARX_CREATE | TARX_REALIGN)))
		opts->press = by_name(opts->archive);
	if (opts->press == TARX_PRESS_NONE || !(opts->mode & (TARX_CREATE | TARX_REALIGN)))
		return 0;
	if (opts->reflink == ALIGN_REFLINK_ALWAYS)
		return tarx_opts_complain(
			"--reflink=always: nothing can be shared with a compressed archive", NULL,
			NULL);
	return 0;
}
