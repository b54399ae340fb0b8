#include "tarx/cmd.h"
#include "tarx/press.h"
#include "tarx/totals.h"

#include <stdio.h>

static const struct {
	enum tarx_mode mode;
	void (*run)(struct tarx_report *report);
} verbs[] = {
	{ TARX_CREATE, tarx_cmd_create },   { TARX_EXTRACT, tarx_cmd_extract },
	{ TARX_LIST, tarx_cmd_list },       { TARX_COMPARE, tarx_cmd_compare },
	{ TARX_APPEND, tarx_cmd_create },   { TARX_INFO, tarx_cmd_info },
	{ TARX_REALIGN, tarx_cmd_realign },
};

static void run_verb(struct tarx_report *report)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (verbs[i].mode == report->opts->mode)
			verbs[i].run(report);
}

/* Through "COMMAND -d", which reads the archive, and whose output is read in its place. */
static void run_behind_command(struct tarx_report *report, struct tarx_opts *opts)
{
	struct tx_err err;
	pid_t pid = tarx_unpresser_open(opts->press_command, opts->archive, &err);

	if (pid < 0) {
		tarx_fatal(report, "%s", err.text);
		return;
	}
	opts->behind_command = true;
	run_verb(report);
	if (tarx_unpresser_finish(pid, opts->press_command, &err) < 0)
		tarx_fatal(report, "%s", err.text);
}

int main(int argc, char **argv)
{
	struct tarx_report report;
	struct tarx_opts opts;
	int r;

	/* A message is one write, whoever else writes there. */
	setvbuf(stderr, NULL, _IOLBF, BUFSIZ);
	r = tarx_opts_parse(&opts, argc, argv);
	if (r == 0) {
		tarx_report_open(&report, &opts);
		if (!(opts.mode & (TARX_CREATE | TARX_APPEND | TARX_REALIGN)) &&
		    opts.press == TARX_PRESS_COMMAND)
			run_behind_command(&report, &opts);
		else
			run_verb(&report);
		if (opts.totals && report.exit_code < 2)
			tarx_totals_tell(&report);
		r = tarx_report_close(&report);
	} else {
		bool failed = ferror(stdout);

		r = r < 0 || fflush(stdout) != 0 || failed ? 2 : 0;
	}
	tarx_opts_release(&opts);
	return r;
}
