#include "tarx/select.h"

#include "tarx/match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tarx_wanted {
	char *name; /* owned; without slashes at its end */
	const char *dir; /* borrowed: the -C before it, or NULL */
	unsigned int match; /* enum tarx_match */
	uint64_t found; /* how often; what is beneath a directory counts with it */
};

static int fill(struct tarx_wanted *wanted, const char *name, unsigned int match, bool literal)
{
	size_t len;

	wanted->match = match;
	wanted->name = strdup(name);
	if (!wanted->name)
		return -ENOMEM;
	if (!literal)
		tarx_match_unquote(wanted->name);
	len = strlen(wanted->name);
	while (len > 1 && wanted->name[len - 1] == '/')
		wanted->name[--len] = '\0';
	return 0;
}

int tarx_select_open(struct tarx_select *select, const struct tarx_opts *opts,
		     const struct tarx_part *part)
{
	*select = (struct tarx_select){ .occurrence = opts->occurrence,
					.default_dir = part->dir,
					.exclude = &opts->exclude };
	select->wanted = calloc(part->operand_count + 1, sizeof(*select->wanted));
	if (!select->wanted)
		return -ENOMEM;
	for (size_t i = 0; i < part->operand_count; i++) {
		const struct tarx_operand *operand = &part->operands[i];

		if (fill(&select->wanted[i], operand->path, operand->match, operand->literal) < 0)
			return -ENOMEM;
		select->wanted[i].dir = operand->dir;
		select->count++;
	}
	if (!opts->starting_file)
		return 0;
	select->start = calloc(1, sizeof(*select->start));
	return select->start
		       ? fill(select->start, opts->starting_file, opts->match, opts->no_unquote)
		       : -ENOMEM;
}

static void drop_start(struct tarx_select *select)
{
	if (select->start)
		free(select->start->name);
	free(select->start);
	select->start = NULL;
}

static bool is_named(const struct tarx_wanted *wanted, const char *name)
{
	return !*wanted->name || tarx_match(wanted->name, name, wanted->match);
}

static bool is_wanted(struct tarx_select *select, struct tarx_wanted *wanted, const char *name)
{
	if (!is_named(wanted, name))
		return false;
	/* What is beneath a directory is one occurrence with it. */
	if (wanted->found == 0 || name[strnlen(name, strlen(wanted->name))] != '/')
		wanted->found++;
	return select->occurrence == 0 || wanted->found == select->occurrence;
}

/* Without slashes at its end, as GNU tar compares names. */
static const char *bare_name(struct tarx_select *select, const char *name)
{
	size_t len = strlen(name);

	if (len < 2 || name[len - 1] != '/')
		return name;
	while (len > 1 && name[len - 1] == '/')
		len--;
	free(select->name);
	select->name = strndup(name, len);
	return select->name ? select->name : name;
}

bool tarx_select_takes(struct tarx_select *select, const char *name)
{
	bool takes = select->count == 0;

	select->dir = select->default_dir;
	name = bare_name(select, name);
	if (select->start && !is_named(select->start, name))
		return false;
	drop_start(select);
	for (size_t i = 0; i < select->count; i++) {
		bool wanted = is_wanted(select, &select->wanted[i], name);

		if (wanted && !takes)
			select->dir = select->wanted[i].dir;
		takes |= wanted;
	}
	return takes && !tarx_patterns_match(select->exclude, name);
}

static void tell_missing(const struct tarx_wanted *wanted, uint64_t occurrence,
			 struct tarx_report *report)
{
	const unsigned int said = TARX_MATCH_WILDCARDS | TARX_MATCH_NO_WILDCARDS;

	if (!(wanted->match & said) && tarx_match_is_pattern(wanted->name) &&
	    tarx_say_once(report, TARX_ONCE_PATTERN))
		tarx_notice(report,
			    "Names of members are no patterns; --wildcards makes them some");
	if (wanted->found == 0)
		tarx_error(report, "%s: Not found in archive", wanted->name);
	else if (wanted->found < occurrence)
		tarx_error(report, "%s: Required occurrence not found in archive", wanted->name);
}

void tarx_select_close(struct tarx_select *select, struct tarx_report *report)
{
	if (report && select->start)
		tell_missing(select->start, 0, report);
	for (size_t i = 0; i < select->count; i++) {
		struct tarx_wanted *wanted = &select->wanted[i];

		if (report && !select->start &&
		    (wanted->found == 0 || wanted->found < select->occurrence))
			tell_missing(wanted, select->occurrence, report);
		free(wanted->name);
	}
	drop_start(select);
	free(select->name);
	free(select->wanted);
	*select = (struct tarx_select){ 0 };
}
