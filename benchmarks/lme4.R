# What measure.py does, for lme4: Rscript lme4.R WARM TABLE slope|intercept SECONDS DRAWS
suppressPackageStartupMessages(library(lme4))
arguments <- commandArgs(TRUE)

read <- function(folder) {
  column <- function(name, what, size) {
    path <- file.path(folder, name)
    readBin(path, what, file.size(path) / size, size = size)
  }
  frame <- list(store_id = column("store_id", "integer", 4L), week = column("week", "integer", 4L))
  for (name in c("youtube", "facebook", "newspaper", "sales")) frame[[name]] <- column(name, "double", 8L)
  as.data.frame(frame)
}
memory <- function(name) {
  line <- grep(paste0("^", name, ":"), readLines("/proc/self/status"), value = TRUE)
  as.numeric(gsub("[^0-9]", "", line)) * 1024
}
effects <- if (arguments[3] == "slope") "(1 + youtube | store_id)" else "(1 | store_id)"
formula <- as.formula(paste("sales ~ week + youtube + facebook + newspaper +", effects))
fit <- function(frame) suppressWarnings(suppressMessages(lmer(formula, frame)))

warm <- read(arguments[1])
for (i in 1:3) fit(warm)
invisible(gc())
baseline <- memory("VmRSS")
frame <- read(arguments[2])
invisible(gc())
cat("5", file = "/proc/self/clear_refs")
draws <- as.integer(arguments[5])
if (draws > 0) model <- fit(frame)
times <- c()
while (sum(times) < as.numeric(arguments[4])) {
  # The clock of proc.time() counts in milliseconds, Sys.time() in microseconds.
  start <- Sys.time()
  if (draws > 0) suppressWarnings(suppressMessages(bootMer(model, fixef, nsim = draws, seed = 1))) else model <- fit(frame)
  times <- c(times, as.numeric(Sys.time()) - as.numeric(start))
}
bytes <- sum(sapply(frame, function(column) as.numeric(object.size(column))))
cat(sprintf('{"times": [%s], "criterion": %.17g, "data": %.0f, "peak": %.0f}', paste(sprintf("%.9g", times), collapse = ", "),
            REMLcrit(model), bytes, memory("VmHWM") - baseline))
