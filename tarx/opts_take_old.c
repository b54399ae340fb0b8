/* GNU tar's options about what is there already: one of them at a time. */
#include "tarx/opts_table.h"

static const char *const names[] = {
	[TARX_OLD_OVERWRITE_DIR] = "--overwrite-dir",
	[TARX_OLD_NO_OVERWRITE_DIR] = "--no-overwrite-dir",
	[TARX_OLD_OVERWRITE] = "--overwrite",
	[TARX_OLD_UNLINK] = "--unlink-first",
	[TARX_OLD_KEEP] = "--keep-old-files",
	[TARX_OLD_SKIP] = "--skip-old-files",
	[TARX_OLD_KEEP_NEWER] = "--keep-newer-files",
};

static int take_old(struct tarx_opts *opts, enum tarx_old old)
{
	if (opts->old != TARX_OLD_REPLACE && opts->old != old)
		return tarx_opts_complain(names[old], names[opts->old],
					  "only one of the two can be done");
	opts->old = old;
	return 0;
}

int tarx_take_overwrite_dir(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_old(opts, TARX_OLD_OVERWRITE_DIR);
}

int tarx_take_no_overwrite_dir(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_old(opts, TARX_OLD_NO_OVERWRITE_DIR);
}

int tarx_take_overwrite(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_old(opts, TARX_OLD_OVERWRITE);
}

int tarx_take_unlink_first(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_old(opts, TARX_OLD_UNLINK);
}

int tarx_take_keep_old(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_old(opts, TARX_OLD_KEEP);
}

int tarx_take_skip_old(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_old(opts, TARX_OLD_SKIP);
}

int tarx_take_keep_newer(struct tarx_opts *opts, char *value)
{
	(void)value;
	return take_old(opts, TARX_OLD_KEEP_NEWER);
}

/* Given beside another one it wins, as in GNU tar. */
int tarx_take_recursive_unlink(struct tarx_opts *opts, char *value)
{
	(void)value;
	opts->recursive_unlink = true;
	return 0;
}
