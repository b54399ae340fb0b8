#include "tarx/select.h"

#include "tarx/path.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tarx_wanted {
	char *name; /* owned; without slashes at its end */
	bool found;
};

int tarx_select_open(struct tarx_select *select, const struct tarx_opts *opts)
{
	*select = (struct tarx_select){ 0 };
	select->wanted = calloc(opts->operand_count + 1, sizeof(*select->wanted));
	if (!select->wanted)
		return -ENOMEM;
	for (size_t i = 0; i < opts->operand_count; i++) {
		size_t len = strlen(opts->operands[i].path);

		while (len > 1 && opts->operands[i].path[len - 1] == '/')
			len--;
		select->wanted[i].name = strndup(opts->operands[i].path, len);
		if (!select->wanted[i].name)
			return -ENOMEM;
		select->count++;
	}
	return 0;
}

bool tarx_select_takes(struct tarx_select *select, const char *name)
{
	bool takes = select->count == 0;

	for (size_t i = 0; i < select->count; i++) {
		if (tarx_path_matches(name, select->wanted[i].name))
			takes = select->wanted[i].found = true;
	}
	return takes;
}

void tarx_select_close(struct tarx_select *select, struct tarx_report *report)
{
	for (size_t i = 0; i < select->count; i++) {
		if (report && !select->wanted[i].found)
			tarx_error(report, "%s: Not found in archive", select->wanted[i].name);
		free(select->wanted[i].name);
	}
	free(select->wanted);
	*select = (struct tarx_select){ 0 };
}
