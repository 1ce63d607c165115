# What measure.py does, for lme4: Rscript lme4.R WARM TABLE slope|intercept|test SECONDS DRAWS
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
model_of <- function(effects) as.formula(paste("sales ~ week + youtube + facebook + newspaper +", effects))
intercept <- model_of("(1 | store_id)")
formula <- if (arguments[3] == "intercept") intercept else model_of("(1 + youtube | store_id)")
tested <- arguments[3] == "test"
fit <- function(frame, of = formula) suppressWarnings(suppressMessages(lmer(of, frame, REML = !tested)))

warm <- read(arguments[1])
for (i in 1:3) fit(warm)
invisible(gc())
baseline <- memory("VmRSS")
frame <- read(arguments[2])
invisible(gc())
cat("5", file = "/proc/self/clear_refs")
draws <- as.integer(arguments[5])
if (draws > 0) model <- fit(frame)
smaller <- if (tested) fit(frame, intercept) else if (draws > 0) model
drawn <- if (tested) function(one) 2 * (logLik(refit(model, one@resp$y)) - logLik(one)) else fixef
times <- c()
while (sum(times) < as.numeric(arguments[4])) {
  # The clock of proc.time() counts in milliseconds, Sys.time() in microseconds.
  start <- Sys.time()
  if (draws > 0) suppressWarnings(suppressMessages(bootMer(smaller, drawn, nsim = draws, seed = 1))) else model <- fit(frame)
  times <- c(times, as.numeric(Sys.time()) - as.numeric(start))
}
bytes <- sum(sapply(frame, function(column) as.numeric(object.size(column))))
cat(sprintf('{"times": [%s], "criterion": %.17g, "data": %.0f, "peak": %.0f}', paste(sprintf("%.9g", times), collapse = ", "),
            if (tested) -2 * as.numeric(logLik(model)) else REMLcrit(model), bytes, memory("VmHWM") - baseline))
