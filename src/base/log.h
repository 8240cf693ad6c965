/* Log lines go to the callback that the program set, or nowhere. */
#ifndef CLGI_LOG_H
#define CLGI_LOG_H

enum { CLGI_WARNING, CLGI_INFO, CLGI_DETAIL };
void clgi_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
