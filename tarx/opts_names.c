/* Options about names: which ones, and how they are changed. */
#include "tarx/opts_table.h"

#include <errno.h>

int tarx_take_transform(struct tarx_opts *opts, char *value)
{
	struct tx_err err;

	if (tarx_rename_add(&opts->rename, value, &err) < 0)
		return err.code == ENOMEM ? tarx_opts_no_memory()
					  : tarx_opts_complain("--transform:", value, err.text);
	return 0;
}

int tarx_take_strip(struct tarx_opts *opts, char *value)
{
	int64_t count = tarx_opts_size(value);

	if (count < 0)
		return tarx_opts_complain("--strip-components:", value, "not a number");
	opts->strip = (size_t)count;
	return 0;
}
