/* Lists of names in files: -T. */
#include "tarx/match.h"
#include "tarx/opts_table.h"
#include "tarx/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct tarx_opts *opts; /* borrowed */
	const char *file; /* borrowed */
	size_t line; /* its number, from 1 */
	bool null, verbatim;
};

int tarx_opts_text(struct tarx_opts *opts, const char *option, const char *file, char **at,
		   char **end)
{
	char **texts = realloc(opts->texts, (opts->text_count + 1) * sizeof(*texts));
	struct tx_err err;
	size_t len;

	if (!texts)
		return tarx_opts_no_memory();
	opts->texts = texts;
	*at = tarx_text_read(file, &len, &err);
	if (!*at)
		return tarx_opts_complain(option, NULL, err.text);
	texts[opts->text_count++] = *at;
	*end = *at + len;
	return 0;
}

static int complain(const struct list *list, const char *line, const char *why)
{
	char *what;
	int r;

	if (asprintf(&what, "%s:%zu:", list->file, list->line) < 0)
		return tarx_opts_no_memory();
	r = tarx_opts_complain(what, line, why);
	free(what);
	return r;
}

/* What stands behind the word OPTION in LINE, apart, as "=value" where it is a long one, or at once. NULL:
 * it is another option. */
static char *value_of(char *line, const char *option)
{
	size_t len = strlen(option);
	char *value = line + len;

	if (strncmp(line, option, len) != 0)
		return NULL;
	if (option[1] == '-' && *value != '=' && *value != ' ' && *value != '\t')
		return NULL;
	if (option[1] == '-' && *value == '=')
		return value + 1;
	return value + strspn(value, " \t");
}

/* "dir" in quotes is dir. */
static char *without_quotes(char *value)
{
	size_t len = strlen(value);

	if (len < 2 || (*value != '"' && *value != '\'') || value[len - 1] != *value)
		return value;
	value[len - 1] = '\0';
	return value + 1;
}

static int take_name(const struct list *list, char *name)
{
	struct tarx_opts *opts = list->opts;

	if (!opts->no_unquote)
		tarx_match_unquote(name);
	if (tarx_opts_operand(opts, name) < 0)
		return -1;
	opts->operands[opts->operand_count - 1].literal = true;
	return 0;
}

static int take_option(const struct list *list, char *line)
{
	static const char *const dirs[] = { "-C", "--directory" };
	static const struct {
		const char *name;
		int (*take)(struct tarx_opts *opts, char *value);
	} others[] = { { "--add-file", tarx_take_add_file },
		       { "--exclude", tarx_take_exclude },
		       { "-T", tarx_take_files_from },
		       { "--files-from", tarx_take_files_from } };
	char *value;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		value = value_of(line, dirs[i]);
		if (value && *value)
			return tarx_take_dir(list->opts, without_quotes(value));
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		value = value_of(line, others[i].name);
		if (value && *value)
			return others[i].take(list->opts, without_quotes(value));
	}
	return complain(list, line,
			"no option that a list may have (for a file of that name: ./ before it, or "
			"--verbatim-files-from)");
}

static int take_line(const struct list *list, char *line, size_t len)
{
	if (len == 0)
		return 0;
	if (strlen(line) != len)
		return complain(list, line,
				"a name with a NUL; --null is for names that end in one");
	return *line == '-' && !list->verbatim ? take_option(list, line) : take_name(list, line);
}

int tarx_take_files_from(struct tarx_opts *opts, char *value)
{
	struct list list = { .opts = opts,
			     .file = value,
			     .null = opts->list_null,
			     .verbatim = opts->list_verbatim };
	char *at, *end, *line;
	int r;

	if (opts->text_count > 64)
		return tarx_opts_complain("--files-from:", value,
					  "more lists than anybody has, or one that names itself");
	opts->listed = true;
	opts->list_stdin |= !strcmp(value, "-");
	r = tarx_opts_text(opts, "--files-from:", value, &at, &end);
	while (r == 0 && (line = tarx_text_line(&at, end, list.null ? '\0' : '\n')) != NULL) {
		size_t len = (size_t)(at - line);

		list.line++;
		r = take_line(&list, line, len - (len > 0 && !line[len - 1]));
	}
	return r;
}

/* GNU tar: names that end in a NUL are taken as they are. */
int tarx_take_null(struct tarx_opts *opts, char *value)
{
	(void)value;
	opts->list_null = opts->list_verbatim = true;
	return 0;
}

int tarx_take_no_null(struct tarx_opts *opts, char *value)
{
	(void)value;
	opts->list_null = opts->list_verbatim = false;
	return 0;
}

/* For names that begin with a dash. */
int tarx_take_add_file(struct tarx_opts *opts, char *value)
{
	return tarx_opts_operand(opts, value);
}
