/* One verb, one file. Each returns nothing: the report holds what came of it. */
#ifndef TARX_CMD_H
#define TARX_CMD_H

#include "tarx/report.h"

void tarx_cmd_compare(struct tarx_report *report);
/* Appending is creating behind what is there. */
void tarx_cmd_create(struct tarx_report *report);
void tarx_cmd_extract(struct tarx_report *report);
void tarx_cmd_info(struct tarx_report *report);
void tarx_cmd_list(struct tarx_report *report);
void tarx_cmd_realign(struct tarx_report *report);

#endif
