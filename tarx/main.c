#include "tarx/cmd.h"

#include <stdio.h>

static const struct {
	enum tarx_mode mode;
	void (*run)(struct tarx_report *report);
} verbs[] = {
	{ TARX_CREATE, tarx_cmd_create }, { TARX_EXTRACT, tarx_cmd_extract },
	{ TARX_LIST, tarx_cmd_list },     { TARX_COMPARE, tarx_cmd_compare },
	{ TARX_APPEND, tarx_cmd_create }, { TARX_INFO, tarx_cmd_info },
};

int main(int argc, char **argv)
{
	struct tarx_report report;
	struct tarx_opts opts;
	int r = tarx_opts_parse(&opts, argc, argv);

	if (r == 0) {
		tarx_report_open(&report, &opts);
		for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
			if (verbs[i].mode == opts.mode)
				verbs[i].run(&report);
		r = tarx_report_close(&report);
	} else {
		r = r < 0 || fflush(stdout) != 0 ? 2 : 0;
	}
	tarx_opts_release(&opts);
	return r;
}
