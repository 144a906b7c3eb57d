module github.com/hanzoai/playground/sdk/go

go 1.19
