/* Log lines: formatted here, given to the program's callback. The callback is process-wide state. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include <clgrad/device.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static clg_log_callback log_callback;
static void *log_payload;

void clg_log_set(clg_log_callback callback, void *payload)
{
    pthread_mutex_lock(&lock);
    log_callback = callback;
    log_payload = payload;
    pthread_mutex_unlock(&lock);
}

void clgi_log(int level, const char *format, ...)
{
    pthread_mutex_lock(&lock);
    clg_log_callback callback = log_callback;
    void *payload = log_payload;
    pthread_mutex_unlock(&lock);
    if (!callback) return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* Called without the lock: it may log or set another callback itself. */
    callback(level, line, payload);
}
