/* --help and --version. */
#include "tarx/opts_table.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static void print_option(const struct tarx_option *o)
{
	bool optional = o->argument == optional_argument;
	char left[80];
	int n;

	if (o->letter)
		n = snprintf(left, sizeof(left), "  -%c, --%s", o->letter, o->name);
	else
		n = snprintf(left, sizeof(left), "      --%s", o->name);
	if (o->argument_name)
		snprintf(left + n, sizeof(left) - (size_t)n, optional ? "[=%s]" : "=%s",
			 o->argument_name);
	if (strlen(left) > 34)
		printf("%s\n%-35s%s\n", left, "", o->help);
	else
		printf("%-35s%s\n", left, o->help);
}

int tarx_opts_help(struct tarx_opts *opts, char *value)
{
	(void)opts;
	(void)value;
	puts("Usage: tarx -c [-f ARCHIVE] [OPTION...] [-C DIR] PATH...\n"
	     "       tarx -x [-f ARCHIVE] [OPTION...] [-C DIR] [MEMBER...]\n"
	     "       tarx -t [-f ARCHIVE] [OPTION...] [MEMBER...]\n"
	     "       tarx -d [-f ARCHIVE] [OPTION...] [-C DIR] [MEMBER...]\n"
	     "       tarx -r -f ARCHIVE [OPTION...] [-C DIR] PATH...\n"
	     "       tarx --info [-f ARCHIVE] [OPTION...]\n"
	     "       tarx --realign [-f ARCHIVE] [OPTION...] [FROM...]\n"
	     "\n"
	     "Standard tar archives whose payloads share their extents with the files.\n");
	for (size_t i = 0; i < tarx_option_count; i++)
		if (tarx_options[i].help)
			print_option(&tarx_options[i]);
	puts("\nExit status: 0 all done; 1 some members could not be stored or restored, or\n"
	     "differ, each named; 2 fatal.");
	return 1;
}

int tarx_opts_version(struct tarx_opts *opts, char *value)
{
	(void)opts;
	(void)value;
	puts("tarx " PACKAGE_VERSION);
	return 1;
}
