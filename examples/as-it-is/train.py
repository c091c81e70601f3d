"""A small network on scikit-learn's digits: a training script like many, which knows nothing of Evo-NAS."""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def load_data(batch_size, seed):
    digits = load_digits()
    images = torch.tensor(digits.data / 16, dtype=torch.float32)
    dataset = TensorDataset(images, torch.tensor(digits.target))
    train_set, test_set = random_split(dataset, [0.8, 0.2], torch.Generator().manual_seed(seed))
    return DataLoader(train_set, batch_size, shuffle=True), DataLoader(test_set, 512)


def train(model, loader, loss_function, optimizer):
    model.train()
    total = 0.0
    for images, labels in loader:
        loss = loss_function(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


def test(model, loader):
    model.eval()
    with torch.no_grad():
        right = sum((model(images).argmax(1) == labels).sum().item() for images, labels in loader)
    return right / len(loader.dataset)


def main():
    args = parse_args()
    print(args)
    torch.manual_seed(args.seed)
    train_loader, test_loader = load_data(args.batch_size, args.seed)
    model = nn.Sequential(nn.Linear(64, args.hidden), nn.ReLU(), nn.Dropout(args.dropout), nn.Linear(args.hidden, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    for epoch in range(1, args.epochs + 1):
        loss = train(model, train_loader, nn.CrossEntropyLoss(), optimizer)
        accuracy = test(model, test_loader)
        print(f"epoch {epoch}/{args.epochs}: loss={loss:.4f} accuracy={accuracy:.4f}", flush=True)


if __name__ == "__main__":
    main()
